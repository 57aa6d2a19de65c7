import { escapeXml } from '../../link/results/save-pictures.js';
import type { CrowdFigure, MeanFigure } from '../point-figures.js';
import { palette } from './chart.js';
import {
  axisTitle,
  crowdText,
  type Facet,
  columnOf,
  figureColumns,
  networkMetrics,
  pointName,
  type ReportData,
  valueText,
} from './report-data.js';

/** A facet's charts as SVG by the name of their files. */
export interface DrawnFacet {
  readonly facet: Facet;
  readonly charts: readonly { readonly id: string; readonly svg: string }[];
}

/** The whole report as one page that asks the network for nothing. */
export function reportPage(
  data: ReportData,
  drawn: readonly DrawnFacet[],
  pictures: string,
  refreshS: number | null,
): string {
  const { plan, versions } = data.campaign;
  const total = plan.points.length;
  const state = data.complete ? 'complete' : `${data.measured} of ${total} points begun`;
  const sections = drawn.map(
    ({ facet, charts }) =>
      `<section>${facet.name === '' ? '' : `<h2>${escapeXml(facet.name)}</h2>`}` +
      `<div class="charts">${charts.map(({ svg }) => `<div class="card">${svg}</div>`).join('')}</div>${table(data, facet)}</section>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">${refreshS === null ? '' : `<meta http-equiv="refresh" content="${refreshS}">`}
<title>${escapeXml(plan.title)}</title><style>${style()}</style></head><body><main>
<header><h1>${escapeXml(plan.title)}</h1>${plan.about === '' ? '' : `<p>${escapeXml(plan.about)}</p>`}
<p class="muted">${data.frames} frames, ${total} points, ${state}. Every receiver of a point got the same frames. Bands and brackets: 95 % intervals, by bootstrap over frames (percentiles); of shares, Wilson’s; of Fréchet distances, by block jackknife.${fidNote(data)}</p></header>
${sections.join('\n')}
${pictures === '' ? '' : `<section><h2>Pictures</h2><p class="muted">Each picture and its middle, enlarged without smoothing.</p>${pictures}</section>`}
<section><h2>How it was made</h2><details><summary>Settings of the first point, and versions</summary><pre>${escapeXml(JSON.stringify(plan.points[0].config, null, 2))}</pre><pre>${escapeXml(JSON.stringify(versions, null, 2))}</pre></details></section>
</main></body></html>
`;
}

/** A FID of n pictures in d dimensions has a covariance of rank below n. */
function fidNote({ facets }: ReportData): string {
  const fids = facets.flatMap(({ points }) =>
    points.flatMap(({ receivers }) => Object.values(receivers).flatMap(({ fid }) => Object.values(fid))),
  );
  const small = fids.filter(({ pictures, dimensions }) => pictures < Math.max(2048, dimensions));
  if (small.length === 0) return '';
  const least = Math.min(...small.map(({ pictures }) => pictures));
  return ` <strong>FID is of ${least} pictures only: far fewer than its ${small[0].dimensions} dimensions need, biased upwards; compare it between receivers of this page alone, with care.</strong>`;
}

function table(data: ReportData, { name: facet, points }: Facet): string {
  const columns = [...figureColumns, ...networkMetrics([{ name: facet, points }]).map(columnOf)];
  const fids = [...new Set(points.flatMap((p) => Object.values(p.receivers).flatMap((r) => Object.keys(r.fid))))];
  const head = [
    data.x === null ? 'point' : axisTitle(data.x),
    'receiver',
    'frames',
    ...columns.map(({ title }) => title),
    ...fids,
    'ms',
  ];
  const rows = points.flatMap((point) =>
    Object.entries(point.receivers).map(([name, receiver], r, { length: count }) => {
      const cells = columns.map(({ metric, digits, scale }) => {
        const figure = receiver.metrics[metric] as MeanFigure | undefined;
        if (figure === undefined || (metric === 'channelError' && name === 'perfect')) return '<td></td>';
        const show = (v: number): string => (v * scale).toFixed(digits);
        const parts = [
          ...(figure.low === figure.high ? [] : [`[${show(figure.low)}, ${show(figure.high)}]`]),
          // Of fewer frames than the row says.
          ...(figure.n === receiver.frames ? [] : [`${figure.n} frames`]),
        ];
        const more = parts.length === 0 ? '' : `<span class="interval">${parts.join(' ')}</span>`;
        return `<td>${show(figure.mean)}${more}</td>`;
      });
      const distances = fids.map((network) => {
        const figure = receiver.fid[network] as CrowdFigure | undefined;
        if (figure === undefined) return '<td></td>';
        const [value, interval] = crowdText(figure).split(/ (?=\[)/);
        return `<td>${value}${interval === undefined ? '' : `<span class="interval">${interval}</span>`}</td>`;
      });
      const time = point.times[name] as { mean: number } | undefined;
      const where = data.x === null ? pointName(point) : valueText(point.at[data.x]);
      return `<tr${r === 0 ? ' class="first"' : ''}>${r === 0 ? `<th scope="rowgroup" rowspan="${count}">${escapeXml(where)}</th>` : ''}<td class="name">${escapeXml(name)}</td><td>${receiver.frames}</td>${cells.join('')}${distances.join('')}<td>${time === undefined ? '' : time.mean.toPrecision(3)}</td></tr>`;
    }),
  );
  return `<div class="scroll" tabindex="0" role="region" aria-label="${escapeXml(`Table of figures${facet === '' ? '' : `, ${facet}`}`)}"><table><thead><tr>${head.map((title) => `<th scope="col">${escapeXml(title)}</th>`).join('')}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

function style(): string {
  const colours = (i: 0 | 1): string =>
    Object.entries(palette)
      .map(([name, pair]) => `--${name}:${pair[i]}`)
      .join(';');
  return `:root{color-scheme:light dark;${colours(0)};--page:#f4f5f7}@media(prefers-color-scheme:dark){:root{${colours(1)};--page:#0f1216}}
*{box-sizing:border-box}body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1440px;margin:0 auto;padding:24px 20px 60px}h1{font-size:26px;line-height:1.25;margin:0 0 8px}h2{font-size:19px;margin:34px 0 12px}h3{font-size:14px;font-weight:600;margin:18px 0 8px}
p{margin:0 0 10px;max-width:100ch}.muted,.interval,figcaption{color:var(--muted)}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,400px),1fr));gap:14px}
.card,.scroll{background:var(--ground);border:1px solid var(--grid);border-radius:8px}.card{padding:10px}.card svg{display:block;width:100%;height:auto}
.scroll{overflow-x:auto;margin-top:14px}table{border-collapse:collapse;font-size:13px;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:4px 9px;text-align:right;white-space:nowrap;vertical-align:top}thead th{color:var(--muted);font-weight:500;border-bottom:1px solid var(--grid)}tbody th{font-weight:600}
.first>*{border-top:1px solid var(--grid)}td.name,thead th:nth-child(2){text-align:left}.interval{display:block;font-size:11px}td.name,thead th:nth-child(2){position:sticky;left:0;background:var(--ground)}
.strip{display:flex;flex-wrap:wrap;gap:14px}figure{margin:0}.pair{display:flex;gap:3px}.pair img{width:112px;height:auto;display:block;image-rendering:pixelated;border-radius:3px}
figcaption{font-size:12.5px;line-height:1.35;margin-top:4px}.figure{color:var(--ink);font-variant-numeric:tabular-nums}
pre{overflow-x:auto;font-size:12px;background:var(--ground);border:1px solid var(--grid);border-radius:8px;padding:12px}summary{cursor:pointer}
@media(max-width:520px){main{padding:16px 12px 40px}.strip{gap:10px}.pair img{width:80px}}
@media print{body{background:#fff}.card{break-inside:avoid}}`;
}
