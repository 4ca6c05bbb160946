import type { ASTNode, Environment } from '@marcbachmann/cel-js';

/** A CEL expression (https://cel.dev) that says which records are wanted. */
export interface RecordFilter {
  /** As written. */
  readonly text: string;
  /** Which variables it asks for: the others need not be given. */
  readonly asksFor: ReadonlySet<FilterVariable>;
  /** @throws when it cannot be evaluated, as when it asks for a field that is not there */
  matches(variables: Readonly<Partial<Record<FilterVariable, unknown>>>): boolean;
}

const VARIABLES = {
  value: 'dyn',
  key: 'dyn',
  headers: 'map<string, string>',
  topic: 'string',
  partition: 'int',
} as const;
export type FilterVariable = keyof typeof VARIABLES;

/** More than this is no filter that someone wrote. */
const LIMITS = {
  maxAstNodes: 500,
  maxDepth: 50,
  maxListElements: 200,
  maxMapEntries: 50,
  maxCallArguments: 8,
};
const MAX_LENGTH = 2_000;

/** A JavaScript regular expression may take seconds for a text of 30 characters. */
const REFUSED_FUNCTIONS: readonly string[] = ['matches'];

let environment: Environment | null = null;

/** Loaded when it is first needed: Node before 20.19 cannot require an ES module. */
function loadedEnvironment(): Environment {
  if (environment !== null) return environment;
  const cel: typeof import('@marcbachmann/cel-js') = require('@marcbachmann/cel-js');
  environment = new cel.Environment({ limits: LIMITS });
  for (const [name, type] of Object.entries(VARIABLES)) environment.registerVariable(name, type);
  return environment;
}

/** The filter, or what is wrong with it, as a sentence without a subject. */
export function parseRecordFilter(text: string): RecordFilter | string {
  if (text.length > MAX_LENGTH) return `must not be over ${MAX_LENGTH} characters`;
  try {
    const parsed = loadedEnvironment().parse(text);
    const nodes = nodesOf(parsed.ast);
    const refused = nodes.flatMap(calledFunction).find((name) => REFUSED_FUNCTIONS.includes(name));
    if (refused !== undefined) return `must not use ${refused}(), which can take seconds for one record`;
    const { valid, type, error } = parsed.check();
    if (!valid) return `is not valid: ${faultOf(error)}`;
    if (type !== 'bool' && type !== 'dyn') return `must be true or false, but is ${type}`;
    const names = nodes.flatMap((node) => (node.op === 'id' ? [node.args] : []));
    const asksFor = new Set(
      (Object.keys(VARIABLES) as FilterVariable[]).filter((name) => names.includes(name)),
    );
    return { text, asksFor, matches: (variables) => parsed(variables) === true };
  } catch (error) {
    return `is not valid: ${faultOf(error)}`;
  }
}

function nodesOf(node: ASTNode): ASTNode[] {
  const found: ASTNode[] = [];
  const visit = (part: unknown) => {
    if (Array.isArray(part)) part.forEach(visit);
    else if (typeof part === 'object' && part !== null && 'op' in part) {
      found.push(part as ASTNode);
      visit((part as ASTNode).args);
    }
  };
  visit(node);
  return found;
}

function calledFunction(node: ASTNode): string[] {
  return node.op === 'call' || node.op === 'rcall' ? [node.args[0]] : [];
}

/** The library shows the place in further lines; the first has what is wrong. */
function faultOf(error: unknown): string {
  const { message, range } = error as Error & { readonly range?: { readonly start: number } };
  const [first] = message.split('\n');
  return range === undefined ? `${first}` : `${first}, at character ${range.start + 1}`;
}
