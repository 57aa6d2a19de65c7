/** An element with attributes and children; `class`, `text` and event handlers (`onclick`) included. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string | number | boolean | ((event: Event) => void) | undefined>> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (name === 'style') element.style.cssText = String(value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children);
  return element;
}

/** The element with that id. Throws where the page lacks it. */
export function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no element ${id}`);
  return found;
}

/** The custom property that holds a colour: any name, a receiver's file included. */
export const cssName = (name: string): string => `--${name.replaceAll(/[^\w-]/g, '_')}`;

/** A colour or length of the style sheet. */
export const cssValue = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(cssName(name)).trim();

/** Colours in the style sheet for as many receivers; further ones begin anew. */
const PALETTE = 8;

/** Gives each receiver a colour of the palette, by its place. */
export function colourReceivers(names: readonly string[]): void {
  names.forEach((name, i) => {
    document.documentElement.style.setProperty(cssName(name), `var(--series-${i % PALETTE})`);
  });
}

/** The font of text in plots, which grows with the page's. */
export const plotFont = (): string =>
  `${(0.86 * Number.parseFloat(getComputedStyle(document.documentElement).fontSize)).toFixed(0)}px ${getComputedStyle(document.body).fontFamily}`;

/** A canvas sized to its box in device pixels, and its context scaled to CSS pixels; null while it has no box. */
export function prepareCanvas(
  canvas: HTMLCanvasElement,
): { context: CanvasRenderingContext2D; width: number; height: number } | null {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (width === 0 || height === 0) return null;
  const ratio = window.devicePixelRatio;
  const pixels = { width: Math.round(width * ratio), height: Math.round(height * ratio) };
  if (canvas.width !== pixels.width || canvas.height !== pixels.height) Object.assign(canvas, pixels);
  const context = canvas.getContext('2d')!;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** Sets text only where it changed: writing the same again would make the browser lay out anew. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
