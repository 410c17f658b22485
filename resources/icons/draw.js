/**
 * Draws every icon of the app from the mark, a broken ring, and writes them beside this file. The results are
 * checked in, so packaging converts nothing: run `node resources/icons/draw.js` after changing the drawing.
 * Needs a Chromium (`CHROMIUM_PATH`, default /usr/bin/chromium).
 */
import { writeFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

/** Sizes in pixels. Linux takes single files, Windows one .ico, macOS one .icns. */
const linuxSizes = [16, 24, 32, 48, 64, 128, 256, 512];
const icoSizes = [16, 24, 32, 48, 64, 128, 256];
/** Apple's four-letter names of PNG entries, by pixels (two names where a size is also the @2x of a smaller). */
const icnsTypes = [
  ['icp4', 16],
  ['icp5', 32],
  ['ic11', 32],
  ['ic12', 64],
  ['ic07', 128],
  ['ic08', 256],
  ['ic13', 256],
  ['ic09', 512],
  ['ic14', 512],
  ['ic10', 1024],
];

const ring = `<path d="M13.9 6.2A6.25 6.25 0 0 0 6.3 2"/><path d="M3.9 3.3a6.25 6.25 0 0 0-1.6 7.2"/>
  <path d="M4 12.75a6.25 6.25 0 0 0 10.1-3.4"/>`;

const mark = (color, stroke, islet) =>
  `<g fill="none" stroke="${color}" stroke-width="${stroke}" stroke-linecap="round">${ring}${islet}</g>`;
const solid = (color) => `<circle cx="9.6" cy="7.4" r="1.5" fill="${color}" stroke="none"/>`;

/** The app's icon: the mark on paper, thicker where there are few pixels. */
function appIcon(pixels) {
  const stroke = pixels <= 32 ? 1.6 : 1.3;
  const ground = `<rect x="1" y="1" width="30" height="30" rx="7" fill="#fbfaf7" stroke="#888680" stroke-width="0.5"/>`;
  const scaled = `<g transform="translate(4 4) scale(1.5)">${mark('#0b6a55', stroke, solid('#0b6a55'))}</g>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${pixels}" height="${pixels}" viewBox="0 0 32 32">${ground}${scaled}</svg>`;
}

/** Tray icons say the state by form, since many trays have no color: an islet, none, or a mark beside it. */
const trayStates = {
  running: (color) => mark(color, 1.6, solid(color)),
  stopped: (color) => mark(color, 1.6, ''),
  attention: (color) =>
    mark(color, 1.6, `<path d="M9 4.8v3.2" stroke-width="1.8"/>`) +
    `<circle cx="9" cy="10.6" r="1.1" fill="${color}"/>`,
};

const trayIcon = (state, pixels, color) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="${pixels}" height="${pixels}" viewBox="0 0 16 16">${trayStates[state](color)}</svg>`;

/** ICO: a directory of 16-byte entries, then the PNGs. 256 is written as 0. */
function ico(images) {
  const head = Buffer.alloc(6 + 16 * images.length);
  head.writeUInt16LE(1, 2);
  head.writeUInt16LE(images.length, 4);
  let offset = head.length;
  images.forEach(({ pixels, png }, index) => {
    const at = 6 + 16 * index;
    head.writeUInt8(pixels % 256, at);
    head.writeUInt8(pixels % 256, at + 1);
    head.writeUInt16LE(1, at + 4);
    head.writeUInt16LE(32, at + 6);
    head.writeUInt32LE(png.length, at + 8);
    head.writeUInt32LE(offset, at + 12);
    offset += png.length;
  });
  return Buffer.concat([head, ...images.map(({ png }) => png)]);
}

/** ICNS: a magic word and the total length, then entries of type, length and PNG; all big-endian. */
function icns(entries) {
  const chunk = (type, body) => {
    const head = Buffer.alloc(8);
    head.write(type, 0, 'latin1');
    head.writeUInt32BE(body.length + 8, 4);
    return Buffer.concat([head, body]);
  };
  return chunk('icns', Buffer.concat(entries.map(([type, png]) => chunk(type, png))));
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
const page = await browser.newPage();

async function png(svg, pixels) {
  await page.setViewportSize({ width: pixels, height: pixels });
  await page.setContent(`<style>*{margin:0}svg{display:block}</style>${svg}`);
  return page.screenshot({ omitBackground: true });
}

const write = (name, bytes) => writeFileSync(new URL(name, import.meta.url), bytes);
const app = new Map();
for (const pixels of [...linuxSizes, 1024]) app.set(pixels, await png(appIcon(pixels), pixels));
const appPng = (pixels) => app.get(pixels) ?? Buffer.alloc(0);

for (const pixels of linuxSizes) write(`${pixels}x${pixels}.png`, appPng(pixels));
write('icon.ico', ico(icoSizes.map((pixels) => ({ pixels, png: appPng(pixels) }))));
write('icon.icns', icns(icnsTypes.map(([type, pixels]) => [type, appPng(pixels)])));
for (const state of Object.keys(trayStates)) {
  for (const [suffix, scale] of [
    ['', 1],
    ['@2x', 2],
  ]) {
    // A gray that is seen on dark and on light trays; macOS takes only the shape.
    write(`tray-${state}${suffix}.png`, await png(trayIcon(state, 22 * scale, '#8f8d86'), 22 * scale));
    write(`tray-${state}Template${suffix}.png`, await png(trayIcon(state, 16 * scale, '#000'), 16 * scale));
  }
}
await browser.close();
