// Take the pictures of the Dagster UI that README.md and docs/ show.
//
//   node scripts/pictures.cjs http://127.0.0.1:3000 docs/images
//
// Needs a webserver on the demo's data, Chromium, and the npm package playwright-core (found through NODE_PATH).
// CONTRIBUTING.md has all the commands. Every picture is cropped to its subject.

const fs = require('fs');
const os = require('os');
const path = require('path');
const { chromium } = require('playwright-core');

const CHROMIUM = process.env.CHROMIUM || '/usr/bin/chromium';
const SWITCHES = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];
const PADDING = 24;

async function main([address, folder]) {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'pictures-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM, headless: true, colorScheme: 'light', args: SWITCHES, timezoneId: 'UTC',
    viewport: { width: 1500, height: 1100 }, deviceScaleFactor: 2,
  });
  try {
    const page = await context.newPage();
    await takeAssetGraph(page, address, path.join(folder, 'asset_graph.png'));
    await takePartitions(page, address, path.join(folder, 'partitions.png'));
  } finally {
    await context.close();
    fs.rmSync(profile, { recursive: true, force: true });
  }
}

// The catalogue and its enrichment with all groups expanded, zoomed out until each node shows only its name.
async function takeAssetGraph(page, address, file) {
  await page.goto(`${address}/asset-groups`);
  await page.locator('.CodeMirror').first().click();
  await page.keyboard.type('group:"catalog" or group:"enrichment"');
  await page.keyboard.press('Enter');
  await page.locator('[aria-label="panel_show_right"]').last().click();
  await page.getByText('Hide navigation').click();
  await page.mouse.click(700, 1050);
  await page.keyboard.press('Alt+e');
  await page.getByText('enriched_tracks').first().waitFor();
  for (let step = 0; step < 3; step += 1) {
    await page.locator('[aria-label="zoom_out"]').click();
    await page.waitForTimeout(700);
  }
  await page.waitForTimeout(2500);
  await page.screenshot({ path: file, clip: await unionOf(page, 'svg foreignObject') });
}

// The partitions of one asset: a bar for all artists, and the details of one.
async function takePartitions(page, address, file) {
  await page.setViewportSize({ width: 1400, height: 720 });
  await page.goto(`${address}/assets/tracks?view=partitions&partition=hugo-thorne`);
  await page.getByText('hugo-thorne').first().waitFor();
  await page.waitForTimeout(3500);
  await page.screenshot({ path: file });
}

async function unionOf(page, selector) {
  const boxes = await page.locator(selector).evaluateAll((found) =>
    found.map((one) => one.getBoundingClientRect()).filter((box) => box.width > 0 && box.height > 0)
      .map(({ left, top, right, bottom }) => ({ left, top, right, bottom })));
  const left = Math.min(...boxes.map((box) => box.left)) - PADDING;
  const top = Math.min(...boxes.map((box) => box.top)) - PADDING;
  return {
    x: left, y: top,
    width: Math.max(...boxes.map((box) => box.right)) + PADDING - left,
    height: Math.max(...boxes.map((box) => box.bottom)) + PADDING - top,
  };
}

main(process.argv.slice(2)).catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
