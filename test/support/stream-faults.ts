/** What is wrong with one block of a stream, between two blank lines, by what real clients stumble over; else null. */
export function blockFault(block: string, { idFirst }: { readonly idFirst: boolean }): string | null {
  const lines = block.split('\n').filter((line) => !line.startsWith(':'));
  if (block.includes('\r')) return 'has a CR';
  if (!lines.some((line) => line.startsWith('data: '))) return 'is without data';
  const ids = lines.filter((line) => line.startsWith('id: '));
  if (ids.length > 1) return 'has two ids';
  if (ids.length === 1 && lines.at(idFirst ? 0 : -1) !== ids[0])
    return `has its id not ${idFirst ? 'first' : 'last'}`;
  return null;
}

/**
 * All that is wrong with a stream's text: blocks without data, ids that do not stand where they should. An event that
 * has not come to its end yet is left out; `/sse` (where the id comes first) begins with a block of a comment alone.
 */
export function streamFaults(text: string, { idFirst }: { readonly idFirst: boolean }): string[] {
  const blocks = text.split('\n\n').slice(0, -1);
  if (idFirst && blocks[0] === ':ok') blocks.shift();
  return blocks.flatMap((block) => {
    const fault = blockFault(block, { idFirst });
    return fault === null ? [] : [`${JSON.stringify(block)} ${fault}`];
  });
}
