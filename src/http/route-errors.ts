import { GatewayError } from '../errors';

/** What is asked for where nothing is. */
export function notFound(path: string): GatewayError {
  return new GatewayError('not-found', `there is nothing at ${path}; GET / lists the endpoints`);
}

/** A method that the path does not take. @param allow those that it takes, as the header `Allow` lists them */
export function methodNotAllowed(path: string, method: string | undefined, allow: string): GatewayError {
  return new GatewayError('method-not-allowed', `${path} takes ${allow}, not ${method}`, {
    details: { allow },
  });
}

/** What a path takes that is there to be read. */
export const READ_METHODS = 'GET, HEAD, OPTIONS';
