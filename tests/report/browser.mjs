// What a reader does with a report, in a real browser; throws at the first thing that is not as it should be.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

const [file, folder] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
const wrong = [];
page.on('console', (message) => wrong.push(message.text()));
page.on('pageerror', (error) => wrong.push(error.message));
page.on('request', (request) => /^(file|blob):/.test(request.url()) || wrong.push('asks for ' + request.url()));
await page.goto('file://' + file);
assert.equal(await page.evaluate(() => document.body.dataset.ready), 'yes');

// Text is text: nothing of the title or the data became an element.
assert.equal(await page.locator('h1').innerText(), 'A <b>report</b> & more');
assert.equal(await page.title(), 'A <b>report</b> & more');

// One overview row a result; every chart is drawn, says in words what it shows, and has its figures as a table.
assert.equal(await page.locator('section').first().locator('tbody tr').count(), 2);
const figures = page.locator('figure:has(.chart)');
const count = await figures.count();
assert.equal(count, 2 + 2 * 5 + 1);  // pJ and MACs do not compare: no chart of energies
for (let i = 0; i < count; ++i) {
  const figure = figures.nth(i);
  assert.ok(await figure.locator('svg path').count() > 3, `chart ${i} is empty`);
  assert.ok((await figure.locator('.chart').getAttribute('aria-label')).length > 20);
  await figure.locator('summary').click();
  assert.ok(await figure.locator('tbody tr').count() > 0);
  await figure.locator('summary').click();
  const download = page.waitForEvent('download');
  await figure.locator('button', { hasText: 'SVG' }).click();
  const svg = readFileSync(await (await download).path(), 'utf8');
  assert.ok(svg.startsWith('<svg') && svg.length > 1000, `chart ${i} saves no SVG`);
}

// The mapping of the layer that is chosen, with a bar a tile.
const mapping = page.locator('figure', { hasText: 'What it costs' }).first();
await mapping.locator('select').selectOption('fc7');
assert.match(await mapping.locator('.nest h4').first().innerText(), /^fc7: /);
assert.ok(await mapping.locator('.bar').count() >= 3);

// Fronts: hovering a point draws its mapping; a click pins it, and a second one stands beside it.
const front = page.locator('figure', { hasText: 'Energy-latency front of a layer' }).first();
const beside = front.locator('+ .side');
const box = await front.locator('.chart').boundingBox();
const spots = await front.evaluate((element) => {
  const chart = echarts.getInstanceByDom(element.querySelector('.chart'));
  return chart.getOption().series[0].data.map((d) => chart.convertToPixel({ seriesIndex: 0 }, d));
});
assert.ok(spots.length >= 2);
await front.scrollIntoViewIfNeeded();
const at = async (k) => {
  const now = await front.locator('.chart').boundingBox();
  return [now.x + spots[k][0], now.y + spots[k][1]];
};
await page.mouse.move(...await at(1));
const hovered = await beside.locator('.nest h4').first().innerText();
await page.mouse.click(...await at(0));
await page.mouse.click(...await at(1));
assert.equal(await beside.locator('.nest').count(), 2);
assert.match(await beside.locator('.nest h4').first().innerText(), /^pinned: /);
assert.notEqual(await beside.locator('.nest h4').first().innerText(), await beside.locator('.nest h4').last().innerText());
assert.match(hovered, /cycles/);
assert.ok(box.height > 100);

// The roofline of another port; the sweep over other axes.
const roof = page.locator('figure', { hasText: 'Roofline' }).last();
const ports = await roof.locator('option').allInnerTexts();
assert.ok(ports.some((port) => !port.endsWith('(no limit)')), 'a port of tpu-v1 has a limit');
await roof.locator('select').selectOption(ports[ports.length - 1]);
const designs = page.locator('figure', { hasText: 'Designs of small' });
await designs.locator('select').first().selectOption('columns');
assert.match(await designs.locator('svg').innerHTML(), /columns/);

// On paper and on a narrow screen.
const pdf = await page.pdf({ format: 'A4' });
assert.ok(pdf.subarray(0, 4).toString() === '%PDF' && pdf.length > 50_000);
await page.setViewportSize({ width: 420, height: 800 });
await page.screenshot({ path: `${folder}/narrow.png` });
await page.waitForFunction(() => document.documentElement.scrollWidth <= 421, null, { timeout: 10_000 });
assert.deepEqual(wrong, []);
await browser.close();
console.log(`report: ${count} charts drawn, saved and printed; nothing asked of the network`);
