import express from 'express';
import type { CreateApp } from '../http/router';

/** Express, in front of the routes that are asked for rarely. */
export const createApp: CreateApp = (paths, serve, miss) => {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  for (const path of paths) app.all(patternOf(path), (req, res) => serve(path, req, res));
  return (req, res) =>
    app(req as express.Request, res as express.Response, (thrown) => miss(req, res, thrown));
};

/** A name in `<>` is one segment. Without `%`, since Express fails at what it cannot decode, and no file needs it. */
function patternOf(path: string): string | RegExp {
  return path.endsWith('>') ? new RegExp(`^${path.slice(0, path.lastIndexOf('/'))}/[\\w.-]+$`) : path;
}
