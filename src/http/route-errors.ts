import { GatewayError } from '../errors';
import { nearestEndpoint } from './endpoints';

/** What is asked for where nothing is. @param method unset: there is no guess at what was meant */
export function notFound(path: string, method?: string): GatewayError {
  const meant = method === undefined ? null : nearestEndpoint(method, path);
  const hint = meant === null ? 'GET / lists the endpoints' : `did you mean ${meant}?`;
  return new GatewayError('not-found', `there is nothing at ${path}; ${hint}`);
}

/** A method that the path does not take. @param allow those that it takes, as the header `Allow` lists them */
export function methodNotAllowed(path: string, method: string | undefined, allow: string): GatewayError {
  return new GatewayError('method-not-allowed', `${path} takes ${allow}, not ${method}`, {
    details: { allow },
  });
}

/** What a path takes that is there to be read. */
export const READ_METHODS = 'GET, HEAD, OPTIONS';
