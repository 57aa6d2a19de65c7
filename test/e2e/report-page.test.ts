import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium as playwright, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeReport } from '../../src/campaign/report/write-report.js';
import { startBlindlink } from '../support/campaign-runs.js';
import { addPictures, madeUpCampaign } from '../support/made-up-campaign.js';
import { chromium, chromiumPath, describeWith } from '../support/programs.js';

/** Screenshots to look at, kept as artefacts of the test. */
const SCREENSHOTS = 'runs/e2e';
const TIMEOUT = 120_000;

describeWith(chromium(), "a campaign's report in Chromium", () => {
  let browser: Browser;
  let folder = '';
  const points = [0, 0.01].flatMap((rho) => [0, 5, 10].map((snrDb) => ({ rho, snrDb })));
  beforeAll(async () => {
    mkdirSync(SCREENSHOTS, { recursive: true });
    folder = mkdtempSync(join(tmpdir(), 'blindlink-report-page-'));
    browser = await playwright.launch({ executablePath: chromiumPath, args: ['--headless', '--no-sandbox'] });
  }, TIMEOUT);
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  async function open(file: string, width: number, colorScheme: 'light' | 'dark') {
    const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
    const said: string[] = [];
    page.on('console', (message) => said.push(message.text()));
    page.on('pageerror', (error) => said.push(String(error)));
    page.on('request', (request) => {
      if (!/^(file|data):/.test(request.url())) said.push(request.url());
    });
    await page.goto(pathToFileURL(file).href);
    return { page, said };
  }
  const number = (page: Page, script: string): Promise<number> => page.evaluate(script);

  it.each([
    [390, 'light'],
    [390, 'dark'],
    [1280, 'light'],
    [1280, 'dark'],
  ] as const)(
    'fits %i pixels on %s ground, asks the network for nothing, and axe finds no fault with it',
    async (width, scheme) => {
      const campaign = madeUpCampaign(join(folder, 'whole'), points, { frames: 6, fidDimensions: 8 });
      await addPictures(campaign, points.length);
      const { page: file } = await writeReport(campaign);
      const { page, said } = await open(file, width, scheme);
      expect(await number(page, 'document.documentElement.scrollWidth')).toBe(width);
      // What is wider than the page scrolls within its own frame.
      const wide = await number(
        page,
        `[...document.querySelectorAll('svg, img, h1, h2, h3, p')].filter((e) => e.getBoundingClientRect().right > innerWidth).length`,
      );
      expect(wide).toBe(0);
      const text = await page.innerText('body');
      expect(text).toMatch(/FID is of 6 pictures only/);
      // Of five frames, where one could not be measured.
      expect(text).toMatch(/0\.\d+\s*\[0\.\d+, 0\.\d+\] 5 frames/);
      await page.evaluate(readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
      const { violations } = (await page.evaluate('axe.run()')) as { violations: { id: string; help: string }[] };
      expect(violations.map(({ id, help }) => `${id}: ${help}`)).toEqual([]);
      expect(said).toEqual([]);
      await page.screenshot({ path: join(SCREENSHOTS, `report-${width}-${scheme}.png`), fullPage: true });
      await page.close();
    },
    TIMEOUT,
  );

  it(
    'follows a running campaign with --watch, and ends with it',
    async () => {
      madeUpCampaign(join(folder, 'running'), points, { frames: 2, of: 3 });
      const watch = startBlindlink(folder, ['report', 'running', '--watch']);
      const file = join(folder, 'running/report/index.html');
      await expect.poll(() => watch.printed(), { timeout: TIMEOUT }).toMatch(/12 frames, 6 points, not complete yet/);
      const { page } = await open(file, 800, 'light');
      expect(await page.innerText('body')).toMatch(/12 frames/);
      madeUpCampaign(join(folder, 'running'), points, { frames: 3 });
      writeFileSync(join(folder, 'running/points.json'), '[]');
      expect((await watch.ended).code).toBe(0);
      // The page loads itself again.
      await page.getByText('18 frames, 6 points, complete').waitFor({ timeout: TIMEOUT });
      await page.close();
    },
    TIMEOUT,
  );
});
