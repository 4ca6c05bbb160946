const SVG = 'http://www.w3.org/2000/svg';
const HEIGHT = 28;
const BAR = 3;

interface RateChart {
  /** @param counts one bar each, oldest first */
  show(counts: readonly number[]): void;
}

/** Bars, drawn into `place`; the tallest one fills the height. */
export function createRateChart(place: HTMLElement, bars: number): RateChart {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', `0 0 ${bars * BAR} ${HEIGHT}`);
  svg.setAttribute('role', 'img');
  svg.classList.add('chart');
  const rects = Array.from({ length: bars }, (_, i) => {
    const rect = document.createElementNS(SVG, 'rect');
    rect.setAttribute('x', String(i * BAR));
    rect.setAttribute('width', String(BAR - 1));
    svg.append(rect);
    return rect;
  });
  place.replaceChildren(svg);

  return {
    show(counts) {
      const peak = Math.max(1, ...counts);
      for (const [i, rect] of rects.entries()) {
        const count = counts[i] ?? 0;
        // A second without events is drawn as a base line.
        const height = count === 0 ? 1 : Math.max(2, (count / peak) * HEIGHT);
        rect.setAttribute('height', String(height));
        rect.setAttribute('y', String(HEIGHT - height));
        rect.classList.toggle('zero', count === 0);
      }
      svg.setAttribute(
        'aria-label',
        `Events per second over ${bars} seconds, at most ${Math.max(...counts)}`,
      );
    },
  };
}
