import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import sharp from 'sharp';
import { type Browser, chromium as playwright, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { parseNpz } from '../../src/core/npy.js';
import { type LiveProcess, startLive } from '../support/live-process.js';
import { chromium, chromiumPath, describeWith } from '../support/programs.js';

/** Screenshots to look at, kept as artefacts of the test. */
const SCREENSHOTS = 'runs/e2e';
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const TIMEOUT = 60_000;

describeWith(chromium(), 'the live page in Chromium', () => {
  let browser: Browser;
  let live: LiveProcess;
  const pages: { readonly page: Page; readonly errors: string[] }[] = [];

  beforeAll(async () => {
    mkdirSync(SCREENSHOTS, { recursive: true });
    browser = await playwright.launch({ executablePath: chromiumPath, args: ARGUMENTS });
    live = await startLive([
      'builtin:faces',
      '--receiver',
      'pilot,blind-em',
      '--profile',
      'ota',
      '--cfo',
      '0.3',
      '--hold',
      '10',
      '--frame-rate',
      '10',
    ]);
  }, TIMEOUT);
  afterAll(async () => {
    await browser.close();
    await live.stop();
  });
  afterEach(async () => {
    for (const { page } of pages.splice(0)) await page.context().close();
  });

  async function open(options: Parameters<Browser['newPage']>[0] = {}, path = '') {
    const page = await browser.newPage({ viewport: { width: 1440, height: 1000 }, ...options });
    page.setDefaultTimeout(TIMEOUT);
    const errors: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') errors.push(message.text());
    });
    page.on('pageerror', (error) => errors.push(String(error)));
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    pages.push({ page, errors });
    await page.goto(live.url + path);
    await page.getByText('connected', { exact: true }).waitFor();
    return { page, errors, asked };
  }
  const shot = (page: Page, name: string) => page.locator(`[data-shot="${name}"]`);
  const numberIn = async (page: Page, name: string, figure: string): Promise<number> =>
    Number.parseFloat(
      ((await shot(page, name).locator(`[data-figure="${figure}"]`).textContent()) ?? '').replace('−', '-'),
    );
  /** A digest of what a canvas shows; −1 while it shows one colour alone. */
  const pixels = (page: Page, selector: string): Promise<number> =>
    page.evaluate<number>(`(() => {
      const canvas = document.querySelector(${JSON.stringify(selector)});
      if (canvas === null || canvas.width === 0 || canvas.height === 0) return -1;
      const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
      copy.drawImage(canvas, 0, 0);
      const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
      let sum = 0;
      let varied = false;
      for (let i = 0; i < data.length; i++) {
        sum = (31 * sum + data[i]) % 2147483647;
        if (i >= 4 && data[i] !== data[i % 4]) varied = true;
      }
      return varied ? sum : -1;
    })()`);
  const changes = async (page: Page, selector: string): Promise<void> => {
    await expect.poll(() => pixels(page, selector), { timeout: TIMEOUT }).not.toBe(-1);
    const first = await pixels(page, selector);
    await expect.poll(() => pixels(page, selector), { timeout: TIMEOUT }).not.toBe(first);
  };
  const until = (value: () => Promise<unknown>) => expect.poll(value, { timeout: TIMEOUT, interval: 50 });

  it(
    'loads from this server alone and shows moving pictures and plots, without an error',
    async () => {
      const { page, errors, asked } = await open({ colorScheme: 'dark' });
      await until(() => numberIn(page, 'blind-em', 'psnr')).toBeGreaterThan(15);
      for (const name of ['sent', 'pilot', 'blind-em']) await changes(page, `[data-shot="${name}"] canvas.view`);
      for (const card of ['Constellation', 'Channel |H|', 'Impulse response', 'History', 'Spectrum', 'Waterfall']) {
        await changes(page, `[aria-label="${card}"] canvas`);
      }
      await until(() => pixels(page, '[aria-label="PAPR, CCDF"] canvas')).not.toBe(-1);
      await until(() => pixels(page, '[aria-label="Time per stage"] canvas')).not.toBe(-1);
      await until(() => numberIn(page, 'sent', 'cfo')).toBeCloseTo(0.3, 1);
      expect(await page.locator('tr[data-receiver="blind-em"]').textContent()).toMatch(/blind-em\d+\.\d/);
      const origin = new URL(live.url).host;
      expect(asked.filter((url) => new URL(url).host !== origin)).toEqual([]);
      await page.screenshot({ path: join(SCREENSHOTS, 'desktop-dark.png'), fullPage: true });
      expect(errors).toEqual([]);
    },
    TIMEOUT,
  );

  it(
    'a control changes the link, and every client sees it',
    async () => {
      const first = await open();
      const second = await open({ colorScheme: 'light' });
      await until(() => numberIn(first.page, 'pilot', 'psnr')).toBeGreaterThan(24);
      await first.page.getByLabel('CSNR', { exact: false }).first().fill('-8');
      await first.page.keyboard.press('Tab');
      await until(() => numberIn(first.page, 'pilot', 'psnr')).toBeLessThan(20);
      await until(() => second.page.locator('#field-snrDb').inputValue()).toBe('-8');
      await until(() => numberIn(second.page, 'pilot', 'psnr')).toBeLessThan(20);
      await second.page.screenshot({ path: join(SCREENSHOTS, 'desktop-light.png'), fullPage: true });

      // An input in use keeps what it has until it is left.
      await first.page.locator('#field-snrDb').focus();
      await second.page.locator('#field-snrDb').fill('9');
      await second.page.keyboard.press('Tab');
      await until(() => first.page.locator('[data-slider="snrDb"]').inputValue()).toBe('9');
      expect(await first.page.locator('#field-snrDb').inputValue()).toBe('-8');
      await first.page.locator('#field-snrDb').blur();
      expect(await first.page.locator('#field-snrDb').inputValue()).toBe('9');

      // A delay spread that nobody set is the channel's own.
      await first.page.locator('#field-taps').selectOption('TDL-A');
      await until(() => second.page.locator('#field-taps').inputValue()).toBe('TDL-A');
      expect(await second.page.locator('#field-spread').inputValue()).toBe('');
      await first.page.locator('#field-spread').fill('200');
      await first.page.keyboard.press('Enter');
      await until(() => second.page.locator('#field-spread').inputValue()).toBe('200');
      await first.page.locator('#field-taps').selectOption('exponential');
      await until(() => second.page.locator('#field-taps').inputValue()).toBe('exponential');

      // Settings of their own: of the receivers that run.
      const perception = first.page.locator('#field-receiver-blindHifi-perception');
      expect(await perception.isVisible()).toBe(false);
      await first.page.locator('#field-receiver-pilot-estimator').selectOption('ls');
      await until(() => second.page.locator('#field-receiver-pilot-estimator').inputValue()).toBe('ls');
      await second.page.getByRole('checkbox', { name: 'blind-hifi', exact: true }).check();
      await perception.fill('0.2');
      await first.page.keyboard.press('Tab');
      await until(() => second.page.locator('#field-receiver-blindHifi-perception').inputValue()).toBe('0.2');
      await second.page.getByRole('checkbox', { name: 'blind-hifi', exact: true }).uncheck();
      await perception.waitFor({ state: 'hidden' });

      await second.page.getByRole('checkbox', { name: 'perfect' }).check();
      await shot(first.page, 'perfect')
        .locator('.badge')
        .getByText(/decoded|doubtful|failed/)
        .waitFor();
      await second.page.getByRole('checkbox', { name: 'perfect' }).uncheck();
      await shot(first.page, 'perfect').waitFor({ state: 'detached' });
      await first.page.locator('#field-snrDb').fill('10');
      await first.page.keyboard.press('Tab');
      await until(() => second.page.locator('#field-snrDb').inputValue()).toBe('10');
      expect([...first.errors, ...second.errors]).toEqual([]);
    },
    TIMEOUT,
  );

  it(
    'shows the channel over time beside the truth, and the Doppler slider sets it in motion',
    async () => {
      const { page, errors } = await open();
      const maps = page.locator('[aria-label="Channel over time"] canvas.map');
      await until(() => maps.count()).toBe(3);
      /** Whether rows of a map differ from one another: a channel that moves within the frame. */
      const moves = (name: string): Promise<boolean> =>
        page.evaluate<boolean>(`(() => {
          const canvas = document.querySelector('canvas.map[aria-label$="frequency, ${name}"]');
          if (canvas === null || canvas.height < 2) return false;
          const { width, height } = canvas;
          const copy = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
          copy.drawImage(canvas, 0, 0);
          const { data } = copy.getImageData(0, 0, width, height);
          let apart = 0;
          for (let i = 0; i < 4 * width; i++) apart += Math.abs(data[i] - data[4 * width * (height - 1) + i]);
          return apart / (4 * width) > 8;
        })()`);
      await page.locator('[data-slider="channel.dopplerHz"]').fill('1000');
      await until(() => page.locator('#field-channel-dopplerHz').inputValue()).toBe('1000');
      await until(() => moves('truth')).toBe(true);
      await until(() => moves('blind-em')).toBe(true);
      await page
        .locator('section[aria-label="Channel over time"]')
        .screenshot({ path: join(SCREENSHOTS, 'moving.png') });
      await page.locator('[data-slider="channel.dopplerHz"]').fill('0');
      await until(() => page.locator('#field-channel-dopplerHz').inputValue()).toBe('0');
      await until(() => moves('truth')).toBe(false);
      expect(errors).toEqual([]);
    },
    TIMEOUT,
  );

  it(
    'says in words what the link refuses, and shows what it has instead',
    async () => {
      const { page, errors } = await open();
      await page.locator('#field-num-taps').fill('63');
      await page.keyboard.press('Tab');
      await page
        .getByRole('alert')
        .getByText(/taps do not fit/)
        .waitFor();
      await until(() => page.locator('#field-num-taps').inputValue()).toBe('8');
      // In the input that is still in use, too.
      await page.locator('#field-num-taps').fill('62');
      await page.keyboard.press('Enter');
      await until(() => page.locator('#field-num-taps').inputValue()).toBe('8');
      expect(await page.evaluate('document.activeElement.id')).toBe('field-num-taps');
      expect(errors).toEqual([]);
    },
    TIMEOUT,
  );

  it(
    'sends a picture of one’s own, and says in words that it is too large',
    async () => {
      const first = await open();
      const second = await open();
      const send = (page: Page, name: string, buffer: Buffer): Promise<void> =>
        page.getByLabel('Picture file').setInputFiles({ name, mimeType: 'image/png', buffer });
      await send(second.page, 'large.png', Buffer.alloc(8 * 2 ** 20 + 1));
      await second.page.getByRole('alert').getByText('large.png: not sent, it has 8388609 bytes').waitFor();
      // Entries that change under one’s eyes do not choose another.
      await first.page.locator('#field-source').focus();
      const red = { width: 64, height: 64, channels: 3, background: 'red' } as const;
      await send(second.page, 'red.png', await sharp({ create: red }).png().toBuffer());
      await until(() => first.page.locator('#field-source').inputValue()).toBe('red.png');
      await second.page.locator('#field-source').selectOption('given');
      await until(() => second.page.locator('#picture-name').textContent()).toMatch(/^builtin:faces/);
      expect([...first.errors, ...second.errors]).toEqual([]);
    },
    TIMEOUT,
  );

  it(
    'shows another decoder’s picture by the share that a slider gives it',
    async () => {
      const { page, errors } = await open();
      const slider = page.getByRole('slider', { name: 'Its share' });
      await page.getByLabel('Decoder', { exact: true }).waitFor();
      expect(await slider.isVisible()).toBe(false);
      // With the focus on it, as keys leave it.
      await page.getByLabel('Decoder', { exact: true }).focus();
      await page.getByLabel('Decoder', { exact: true }).selectOption('perceptual');
      await slider.waitFor();
      await slider.fill('0.4');
      await until(() => page.locator('#field-receiver-decoderShare').inputValue()).toBe('0.4');
      await changes(page, '[data-shot="blind-em"] canvas.view');
      await page.screenshot({ path: join(SCREENSHOTS, 'decoder-share.png') });
      await page.getByLabel('Decoder', { exact: true }).selectOption('own');
      await slider.waitFor({ state: 'hidden' });
      await changes(page, '[data-shot="blind-em"] canvas.view');
      expect(errors).toEqual([]);
    },
    TIMEOUT,
  );

  it(
    'pauses and steps by keyboard',
    async () => {
      const { page } = await open();
      const frame = async (): Promise<number> => Number(await page.locator('#frame-number').textContent());
      await until(frame).toBeGreaterThan(0);
      await page.locator('h1').click();
      await page.keyboard.press('Space');
      await page.getByRole('button', { name: 'Resume' }).waitFor();
      /** Whether the page leaves a key to the browser. */
      const leaves = (selector: string, key: string): Promise<boolean> =>
        page.evaluate<boolean>(
          `document.querySelector('${selector}').dispatchEvent(
            new KeyboardEvent('keydown', { bubbles: true, cancelable: true, ${key} }))`,
        );
      expect(await leaves('body', `key: 'ArrowRight', altKey: true`)).toBe(true);
      expect(await leaves('body', `key: ' ', shiftKey: true`)).toBe(true);
      expect(await leaves('[role="log"]', `key: ' '`)).toBe(true);
      expect(await leaves('[aria-label="Counters of each receiver"]', `key: 'ArrowRight'`)).toBe(true);
      // Frames that were on their way when the key was pressed still arrive, later where other work runs; then none comes.
      let paused = await frame();
      const came = async (): Promise<number> => {
        await page.waitForTimeout(1000);
        const [before, now] = [paused, await frame()];
        paused = now;
        return now - before;
      };
      await until(came).toBe(0);
      await page.keyboard.press('ArrowRight');
      await until(frame).toBe(paused + 1);
      await page.keyboard.press('Space');
      await until(frame).toBeGreaterThan(paused + 2);
    },
    TIMEOUT,
  );

  it(
    'shows a killed receiver, and that it was started again',
    async () => {
      const { page } = await open();
      await shot(page, 'blind-em')
        .locator('.badge')
        .getByText(/decoded|doubtful|failed/)
        .waitFor();
      const pid = async (): Promise<number> => {
        const lines = await page.getByRole('log').locator('li').allTextContents();
        return Number(
          lines
            .map((line) => /blind-em: runs in process (\d+)/.exec(line)?.[1])
            .filter(Boolean)
            .at(-1),
        );
      };
      // The log is drawn after the picture's badge when the machine is busy.
      await until(pid).toBeGreaterThan(0);
      const killed = await pid();
      process.kill(killed, 'SIGKILL');
      await page.getByRole('log').getByText('blind-em: its process ended (signal SIGKILL)').waitFor();
      await until(pid).not.toBe(killed);
      await until(() => page.locator('tr[data-receiver="blind-em"] td').nth(5).textContent()).toBe('1');
      await shot(page, 'blind-em')
        .locator('.badge')
        .getByText(/decoded|doubtful|failed/)
        .waitFor();
      await changes(page, '[data-shot="blind-em"] canvas.view');
      await page.getByRole('button', { name: 'Restart pilot' }).click();
      await page.getByRole('log').getByText('pilot: stopped on request').waitFor();
      await until(() => page.locator('tr[data-receiver="pilot"] td').nth(5).textContent()).toBe('1');
    },
    TIMEOUT,
  );

  it(
    'saves what it shows: arrays that parse, figures, pictures',
    async () => {
      const { page } = await open();
      await until(() => numberIn(page, 'blind-em', 'psnr')).toBeGreaterThan(15);
      const saved = async (button: string): Promise<Buffer> => {
        await page.locator('#save > summary').click();
        const [download] = await Promise.all([
          page.waitForEvent('download'),
          page.getByRole('button', { name: button }).click(),
        ]);
        return readFileSync(await download.path());
      };
      const arrays = parseNpz(await saved('Arrays (NPZ)'), 'page');
      for (const name of ['frame', 'pilot_frame', 'blind_em_frame']) expect(arrays.get(name)?.dtype).toBe('int32');
      expect(arrays.get('sent')?.shape).toEqual([64, 64, 3]);
      expect(arrays.get('blind_em_taps')?.dtype).toBe('complex64');
      expect(arrays.get('pilot_cells')?.shape[0]).toBeGreaterThan(500);
      expect(JSON.parse((await saved('Figures (JSON)')).toString())).toMatchObject({
        settings: { snrDb: 10 },
        frame: { type: 'frame' },
      });
      expect((await saved('Pictures (PNG)')).subarray(1, 4).toString()).toBe('PNG');
    },
    TIMEOUT,
  );

  it(
    'records what is received, and says where to',
    async () => {
      const { page, errors } = await open();
      await page.getByRole('button', { name: 'Record' }).click();
      await page.getByRole('button', { name: 'Stop recording' }).waitFor();
      await page
        .getByRole('log')
        .getByText(/recording to runs\/live-.*sigmf-meta/)
        .waitFor();
      await page.getByRole('button', { name: 'Stop recording' }).click();
      await page
        .getByRole('log')
        .getByText(/\d+ samples recorded; play them with/)
        .waitFor();
      expect(errors).toEqual([]);
    },
    TIMEOUT,
  );

  it(
    'keeps the view in the address',
    async () => {
      const { page } = await open({ colorScheme: 'dark' }, '?theme=light&metric=snr');
      const theme = (): Promise<unknown> => page.evaluate('document.documentElement.dataset.theme');
      expect(await theme()).toBe('light');
      expect(await page.getByLabel('Figure in the history').inputValue()).toBe('snr');
      await page.getByRole('button', { name: 'Theme' }).click();
      await page.getByLabel('Figure in the history').selectOption('cfo');
      await page.reload();
      expect(await theme()).toBe('dark');
      expect(await page.getByLabel('Figure in the history').inputValue()).toBe('cfo');
    },
    TIMEOUT,
  );

  it.each([
    ['desktop, dark', { colorScheme: 'dark', viewport: { width: 1440, height: 1000 } }],
    ['desktop, light', { colorScheme: 'light', viewport: { width: 1440, height: 1000 } }],
    ['phone', { colorScheme: 'dark', viewport: { width: 360, height: 780 }, hasTouch: true, isMobile: true }],
  ] as const)(
    'has no accessibility violation that axe knows: %s',
    async (name, options) => {
      const { page } = await open(options);
      await until(() => numberIn(page, 'pilot', 'psnr')).toBeGreaterThan(15);
      if (name === 'phone') {
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
        await page.screenshot({ path: join(SCREENSHOTS, 'phone.png'), fullPage: true });
        await page.locator('#settings > summary').click();
      }
      await page.evaluate(readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
      const { violations } = (await page.evaluate('axe.run()')) as {
        violations: { id: string; impact: string; nodes: { html: string }[] }[];
      };
      expect(
        violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map(({ html }) => html).join(' | ')}`),
      ).toEqual([]);
    },
    TIMEOUT,
  );

  it(
    'comes back by itself after the server was started anew',
    async () => {
      const { page } = await open();
      const { port } = live;
      await live.stop();
      await page.getByText(/connection lost, trying again/).waitFor();
      live = await startLive(['builtin:faces', '--receiver', 'pilot', '--port', String(port)]);
      await page.getByText('connected', { exact: true }).waitFor();
      await until(() => numberIn(page, 'pilot', 'psnr')).toBeGreaterThan(15);
      await shot(page, 'blind-em').waitFor({ state: 'detached' });
    },
    TIMEOUT,
  );
});

describeWith(chromium(), 'the live page without pictures named', () => {
  let browser: Browser;
  let live: LiveProcess;
  let page: Page;
  const size = (name: string): Promise<number[]> =>
    page.evaluate<number[]>(`(() => {
      const canvas = document.querySelector('[data-shot="${name}"] canvas.view');
      return [canvas.width, canvas.height];
    })()`);
  const until = (value: () => Promise<unknown>) => expect.poll(value, { timeout: TIMEOUT, interval: 50 });

  beforeAll(async () => {
    mkdirSync(SCREENSHOTS, { recursive: true });
    const camera = ['--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream'];
    browser = await playwright.launch({ executablePath: chromiumPath, args: [...ARGUMENTS, ...camera] });
    live = await startLive([]);
    page = await browser.newPage({ viewport: { width: 1440, height: 1000 } });
    page.setDefaultTimeout(TIMEOUT);
    await page.goto(live.url);
  }, TIMEOUT);
  afterAll(async () => {
    await browser.close();
    await live.stop();
  });

  it(
    'shows photographs of 256×256 pixels, smooth, through a codec for photographs',
    async () => {
      await until(() => size('sent')).toEqual([256, 256]);
      await until(() => size('blind-em')).toEqual([256, 256]);
      expect(await page.locator('#field-codec').inputValue()).toBe('photo-48');
      expect(await page.locator('#field-size').inputValue()).toBe('256');
      expect(
        await page.evaluate(
          `getComputedStyle(document.querySelector('[data-shot="sent"] canvas.view')).imageRendering`,
        ),
      ).toBe('auto');
      await page
        .locator('[data-shot="blind-em"] .badge')
        .getByText(/decoded|doubtful/)
        .waitFor();
      await page.screenshot({ path: join(SCREENSHOTS, 'photographs.png'), fullPage: true });
    },
    TIMEOUT,
  );

  it(
    'sends pictures in the size that is chosen, the camera’s too',
    async () => {
      await page.locator('#field-size').selectOption('128');
      await until(() => size('pilot')).toEqual([128, 128]);
      await page.locator('#field-source').selectOption('builtin:faces');
      await until(() => page.locator('[data-shot="sent"] [data-figure="size"]').textContent()).toBe('128 × 128');
      await page.getByRole('button', { name: 'Camera' }).click();
      await page.getByRole('button', { name: 'Stop camera' }).waitFor();
      await until(() => page.locator('#field-source').inputValue()).toBe('camera');
      await page.locator('#field-size').selectOption('256');
      await until(() => size('pilot')).toEqual([256, 256]);
      await page.screenshot({ path: join(SCREENSHOTS, 'camera.png'), fullPage: true });
      await page.getByRole('button', { name: 'Stop camera' }).click();
      await until(() => page.locator('#field-source').inputValue()).toBe('given');
    },
    TIMEOUT,
  );

  it(
    'has one camera at a time, which ends where other pictures are chosen',
    async () => {
      // Permission as slow as the test wants it.
      await page.evaluate(`(() => {
        const { mediaDevices } = navigator;
        const real = mediaDevices.getUserMedia.bind(mediaDevices);
        window.asked = [];
        window.streams = [];
        mediaDevices.getUserMedia = async (wanted) => {
          await new Promise((done) => window.asked.push(done));
          const stream = await real(wanted);
          window.streams.push(stream);
          return stream;
        };
      })()`);
      const allow = () => page.evaluate<number>('window.asked.splice(0).map((done) => done()).length');
      const running = () =>
        page.evaluate<number>(
          `window.streams.flatMap((stream) => stream.getTracks()).filter(({ readyState }) => readyState === 'live').length`,
        );
      const stopButton = page.getByRole('button', { name: 'Stop camera' });
      const source = page.locator('#field-source');

      await page.getByRole('button', { name: 'Camera' }).dblclick();
      expect(await allow()).toBe(1);
      await stopButton.waitFor();
      expect(await running()).toBe(1);
      await until(() => source.inputValue()).toBe('camera');
      await source.selectOption('builtin:faces');
      await stopButton.waitFor({ state: 'detached' });
      expect(await running()).toBe(0);
      await until(() => page.locator('#picture-name').textContent()).toMatch(/^builtin:faces/);

      // Chosen by someone else.
      await page.getByRole('button', { name: 'Camera' }).click();
      expect(await allow()).toBe(1);
      await source.blur();
      await until(() => source.inputValue()).toBe('camera');
      // What is refused takes nobody's place.
      const buffer = Buffer.from('no picture');
      await page.getByLabel('Picture file').setInputFiles({ name: 'words.png', mimeType: 'image/png', buffer });
      await page.getByRole('alert').getByText('words.png').waitFor();
      expect([await stopButton.count(), await running(), await source.inputValue()]).toEqual([1, 1, 'camera']);
      const other = await browser.newPage();
      other.setDefaultTimeout(TIMEOUT);
      await other.goto(live.url);
      await until(() => other.locator('#field-source').inputValue()).toBe('camera');
      await other.locator('#field-source').selectOption('builtin:photos');
      await stopButton.waitFor({ state: 'detached' });
      expect(await running()).toBe(0);
      await other.close();

      // A camera that gives no picture.
      await page.evaluate(`HTMLMediaElement.prototype.play = () => Promise.reject(new Error('no picture'))`);
      await page.getByRole('button', { name: 'Camera' }).click();
      expect(await allow()).toBe(1);
      await page.getByRole('alert').getByText('camera: no picture').waitFor();
      expect(await running()).toBe(0);
      await page.getByRole('button', { name: 'Camera' }).click();
      expect(await allow()).toBe(1);
    },
    2 * TIMEOUT,
  );
});
