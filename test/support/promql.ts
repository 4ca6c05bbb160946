import { parser } from '@prometheus-io/lezer-promql';

/** What a PromQL expression asks for. */
export interface PromqlQuery {
  readonly selectors: readonly { readonly metric: string; readonly labels: readonly string[] }[];
  /** Of `by (…)` and `on (…)`. */
  readonly groupedBy: readonly string[];
}

/**
 * Reads an expression with the grammar of Prometheus's own editor; types and the number of arguments are not looked at.
 *
 * @throws Error with the place where it is no PromQL, or when something is selected without the name of a metric
 */
export function parsePromql(expression: string): PromqlQuery {
  const selectors: { metric: string; labels: string[] }[] = [];
  const groupedBy: string[] = [];
  parser.parse(expression).iterate({
    enter({ type, name, from, to, node }) {
      if (type.isError) throw new Error(`no PromQL at ${from} of ${expression}`);
      if (name === 'VectorSelector') {
        const metric = node.getChild('Identifier');
        if (metric === null) throw new Error(`a metric without a name at ${from} of ${expression}`);
        selectors.push({ metric: expression.slice(metric.from, metric.to), labels: [] });
      }
      if (name === 'QuotedLabelName') throw new Error(`a quoted label at ${from} of ${expression}`);
      if (name !== 'LabelName') return;
      const isGrouping = node.parent?.name === 'GroupingLabels';
      (isGrouping ? groupedBy : selectors.at(-1)!.labels).push(expression.slice(from, to));
    },
  });
  return { selectors, groupedBy };
}
