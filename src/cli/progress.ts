import { SingleBar } from 'cli-progress';

export interface Progress {
  update(done: number): void;
  stop(): void;
}

/** A bar on standard error where that is a terminal; nothing otherwise. */
export function createProgress(what: string, total: number, show = process.stderr.isTTY): Progress {
  if (!show) return { update: () => undefined, stop: () => undefined };
  const bar = new SingleBar({
    format: `${what} {bar} {count}  {left}`,
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
    stopOnComplete: false,
    barsize: 30,
  });
  const began = performance.now();
  const about = (done: number): { count: string; left: string } => ({
    count: countOf(done, total),
    left: timeLeft(done, total, (performance.now() - began) / 1000),
  });
  bar.start(total, 0, about(0));
  return {
    update: (done) => {
      bar.update(done, about(done));
    },
    stop: () => {
      bar.stop();
    },
  };
}

/** `12/500`, or `2.87/18.00 G`. */
export function countOf(done: number, total: number): string {
  const units = ['', 'k', 'M', 'G', 'T'];
  const power = total < 1e5 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(total) / 3));
  if (power === 0) return `${done}/${total}`;
  const [a, b] = [done, total].map((n) => (n / 1000 ** power).toFixed(2));
  return `${a}/${b} ${units[power]}`;
}

/** By the mean speed since the beginning: that of the last moments jumps by tens of minutes where a disk writes in bursts. */
export function timeLeft(done: number, total: number, seconds: number): string {
  if (!(done > 0) || seconds < 1) return '';
  const left = Math.max(0, Math.round((seconds * (total - done)) / done));
  if (left < 60) return `${left} s left`;
  const minutes = Math.floor(left / 60);
  if (minutes < 10) return `${minutes} min ${left % 60} s left`;
  return minutes < 60 ? `${minutes} min left` : `${Math.floor(minutes / 60)} h ${minutes % 60} min left`;
}
