import type { IncomingMessage, ServerResponse } from 'node:http';
import { OPERATOR_CHALLENGE, type OperatorGuard } from '../auth/operator-guard';
import { asGatewayError } from '../errors';
import type { DirectRoute } from '../http/direct-route';
import { logDefect, sendProblem } from '../http/problem';
import type { RequestTarget } from '../http/request-target';
import type { Logger } from '../logger';

export interface OperatorRouteOptions {
  readonly guard: OperatorGuard;
  readonly logger: Logger;
  readonly owns: (path: string) => boolean;
  /** Called only for the operator. Throws GatewayError for what it refuses, also as a rejection. */
  readonly answer: (req: IncomingMessage, res: ServerResponse, target: RequestTarget) => Promise<void>;
}

/** A route for the operator only. Without CORS headers, which would let any page that he visits read it. */
export function createOperatorRoute({ guard, logger, owns, answer }: OperatorRouteOptions): DirectRoute {
  async function answerOperator(req: IncomingMessage, res: ServerResponse, target: RequestTarget) {
    guard(req, target.path);
    await answer(req, res, target);
  }

  return {
    owns,
    handle(req, res, target) {
      answerOperator(req, res, target).catch((thrown: unknown) => {
        const error = asGatewayError(thrown);
        logDefect(logger, error, res);
        sendProblem(res, error, error.code === 'unauthorized' ? OPERATOR_CHALLENGE : {});
      });
    },
  };
}
