// Opens pages in a real browser, and prints as JSON what is seen there.
//
//     node browser.js PACKAGES CHROMIUM QUESTION PAGE
//
// PACKAGES is a directory with playwright-core and axe-core, PAGE the path of a file.
const path = require('node:path');
const fs = require('node:fs');
const { pathToFileURL } = require('node:url');
const [packages, executablePath, question, file] = process.argv.slice(2);
const modules = path.join(packages, 'node_modules');
const { chromium } = require(path.join(modules, 'playwright-core'));
const address = pathToFileURL(file).href;
const WIDE = { width: 1280, height: 900 };

// Opens everything that is folded.
const unfold = page => page.evaluate(() => document.querySelectorAll('details').forEach(part => { part.open = true; }));

// Unfolds these with the mouse. On a busy machine a click may come before the page has moved to its place, or be late.
async function unfoldByMouse(page, heads) {
  for (const head of await page.locator(heads).all()) {
    const opened = head.locator('xpath=parent::details[@open]');
    for (let tries = 3; ; tries--) {
      await head.click();
      try {
        await opened.waitFor({ timeout: 10_000 });
        break;
      } catch (late) {
        if (tries === 1) throw late;
      }
    }
  }
}

const questions = {
  // What the page asks for beside itself, what goes wrong in its script, and what a script of others could do.
  async loads(open) {
    const seen = { requests: [], errors: [], dialogs: [] };
    const page = await open({}, page => {
      page.on('request', request => { if (request.url() !== address) seen.requests.push(request.url()); });
      // What the page's policy refuses is never sent.
      page.on('requestfailed', request => {
        if (request.failure().errorText === 'csp') seen.requests.splice(seen.requests.indexOf(request.url()), 1);
      });
      page.on('pageerror', error => seen.errors.push(String(error)));
      page.on('dialog', dialog => { seen.dialogs.push(dialog.message()); dialog.dismiss(); });
    });
    await page.keyboard.press('/');
    await page.keyboard.press('j');
    await page.evaluate(() => { location.hash = '#q=%'; });
    await unfold(page);
    // Requests of images that were just unfolded have begun when the next frame is painted.
    await page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))));
    return seen;
  },

  // What can be read, and unfolded with the mouse, without JavaScript.
  async without_script(open) {
    // What is off the screen has no text (`content-visibility`), so there is room for all of it.
    const page = await open({ javaScriptEnabled: false, viewport: { width: 1280, height: 8000 } });
    const text = async () => {
      // A picture is taken of what is laid out to its end.
      await page.screenshot();
      return page.locator('body').innerText();
    };
    const folded = await text();
    await unfoldByMouse(page, 'main > section > details > summary');
    await unfoldByMouse(page, 'main > section > details > details > summary');
    return { folded, unfolded: await text(), filter: await page.locator('#filter').isVisible() };
  },

  // Violations of the rules of axe, in both schemes, wide and narrow, folded and unfolded.
  async axe(open) {
    const found = [], ran = [];
    for (const colorScheme of ['light', 'dark']) {
      for (const viewport of [WIDE, { width: 320, height: 800 }]) {
        const page = await open({ colorScheme, viewport, bypassCSP: true });
        await page.addScriptTag({ path: path.join(modules, 'axe-core', 'axe.min.js') });
        for (const unfolded of [false, true]) {
          if (unfolded) await unfold(page);
          const result = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
          ran.push(result.passes.length);
          const where = `${colorScheme}, ${viewport.width}, ${unfolded ? 'unfolded' : 'folded'}`;
          for (const rule of result.violations) {
            found.push(`${where}: ${rule.id}: ${rule.help}: ${rule.nodes.slice(0, 3).map(node => node.html).join(' ')}`);
          }
        }
        await page.close();
      }
    }
    return { found, ran };
  },

  // The colours of the page in a scheme of the system.
  async colours(open) {
    const seen = {};
    for (const colorScheme of ['light', 'dark']) {
      const page = await open({ colorScheme });
      seen[colorScheme] = await page.evaluate(() => {
        const { backgroundColor, color } = getComputedStyle(document.body);
        return { background: backgroundColor, text: color };
      });
      await page.close();
    }
    return seen;
  },

  // Where the keys lead.
  async keys(open) {
    const page = await open({});
    const at = () => page.evaluate(() => {
      const heads = [...document.querySelectorAll('main > section > details > summary')];
      const focus = document.activeElement;
      return focus.matches('#filter input') ? 'filter' : heads.indexOf(focus);
    });
    const seen = { start: await at() };
    const press = async (name, ...keys) => {
      for (const key of keys) await page.keyboard.press(key);
      seen[name] = await at();
    };
    await press('slash', '/');
    await page.keyboard.type('nothing-has-this');
    seen.filtered = await page.locator('main > section > details:visible').count();
    seen.said = await page.locator('#shown').innerText();
    seen.address = await page.evaluate(() => location.hash);
    await page.locator('#filter input').fill('');
    seen.all = await page.locator('main > section > details:visible').count();
    await press('escape', 'Escape');
    await press('j', 'j');
    await press('jj', 'j');
    await press('k', 'k');
    await page.keyboard.press('Enter');
    seen.open = await page.evaluate(() => document.activeElement.parentElement.open);
    await press('tab', 'Tab');
    seen.inside = await page.evaluate(() => document.activeElement.closest('main > section > details') !== null);
    return seen;
  },

  // What is on paper.
  async print(open) {
    const page = await open({ colorScheme: 'dark' });
    const screen = await page.locator('body').innerText();
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    const seen = await page.evaluate(() => {
      const { backgroundColor, color } = getComputedStyle(document.body);
      const word = getComputedStyle(document.querySelector('.bad') || document.body).color;
      return { background: backgroundColor, text: color, word };
    });
    const paper = await page.locator('body').innerText();
    const pdf = await page.pdf({ format: 'A4' });
    return { ...seen, screen, paper, filter: await page.locator('#filter').isVisible(), pdf: pdf.subarray(0, 5).toString() };
  },

  // What the browser itself measured, in milliseconds.
  async speed(open) {
    const page = await open({});
    return page.evaluate(() => new Promise(done => {
      const answer = () => {
        const [loaded] = performance.getEntriesByType('navigation');
        const paint = performance.getEntriesByName('first-contentful-paint')[0];
        if (paint) done({ paint: paint.startTime, loaded: loaded.loadEventEnd, size: document.getElementsByTagName('*').length });
        else requestAnimationFrame(answer);
      };
      answer();
    }));
  },

  // How wide the content is where there is little room, with everything unfolded.
  async widths(open) {
    const seen = {};
    const measure = async (name, options, style) => {
      const page = await open({ bypassCSP: true, ...options });
      if (style) await page.addStyleTag({ content: style });
      await unfold(page);
      seen[name] = await page.evaluate(() => ({ content: document.documentElement.scrollWidth, room: innerWidth }));
      await page.close();
    };
    await measure('narrow', { viewport: { width: 320, height: 800 } });
    // A window of 1280 at 200 % has 640 points.
    await measure('zoomed', { viewport: { width: 640, height: 450 }, deviceScaleFactor: 2 });
    await measure('large_text', { viewport: WIDE }, 'html{font-size:200%}');
    return seen;
  },

  // A picture: the fifth argument is its file, the sixth the scheme.
  async picture(open) {
    const page = await open({ colorScheme: process.argv[7] || 'light' });
    await page.screenshot({ path: process.argv[6] });
    return {};
  },
};

(async () => {
  if (!fs.existsSync(file)) throw new Error(`no ${file}`);
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
  const open = async (options, prepare) => {
    const context = await browser.newContext({ viewport: WIDE, ...options });
    const page = await context.newPage();
    if (prepare) prepare(page);
    await page.goto(address, { waitUntil: 'load' });
    return page;
  };
  try {
    console.log(JSON.stringify(await questions[question](open)));
  } finally {
    await browser.close();
  }
})().catch(error => { console.error(String(error && error.stack || error)); process.exit(1); });
