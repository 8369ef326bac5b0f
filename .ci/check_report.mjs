// Opens reports in a browser, as a reader does, and says what is wrong: errors on the console, requests
// for anything but the file, links that lead nowhere, names that occur twice, and what axe-core calls a
// serious or critical fault for readers with disabilities, in light and in dark.
//
// node check_report.mjs NODE_MODULES CHROMIUM [--pictures DIR] REPORT.html...

import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [modules, chromium, ...rest] = process.argv.slice(2);
const pictures = rest[0] === "--pictures" ? rest.splice(0, 2)[1] : undefined;
const require = createRequire(path.resolve(modules, "check_report.cjs"));
const playwright = require("playwright-core");
const axe = require.resolve("axe-core/axe.min.js");

const browser = await playwright.chromium.launch({ executablePath: chromium, args: ["--no-sandbox"] });
let faults = 0;
for (const file of rest) {
  for (const colorScheme of ["light", "dark"]) {
    for (const fault of await inspect(file, colorScheme)) {
      console.log(`${file}, ${colorScheme}: ${fault}`);
      faults += 1;
    }
  }
}
await browser.close();
console.log(`${rest.length} reports opened, ${faults} faults`);
process.exit(faults === 0 && rest.length > 0 ? 0 : 1);

async function inspect(file, colorScheme) {
  const page = await browser.newPage({ colorScheme, viewport: { width: 1400, height: 1000 } });
  const found = [];
  const own = pathToFileURL(path.resolve(file)).href;
  page.on("console", (message) => {
    if (message.type() === "error") found.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => found.push(`script: ${error.message}`));
  page.on("request", (request) => {
    if (request.url() !== own) found.push(`request: ${request.url()}`);
  });
  await page.goto(own);
  found.push(...(await page.evaluate(links)));
  if (pictures) await picture(page, file, colorScheme);
  await page.addScriptTag({ path: axe });
  const { violations } = await page.evaluate(() => axe.run({ resultTypes: ["violations"] }));
  const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  for (const { id, help, nodes } of grave) {
    found.push(`axe ${id}: ${help}; ${nodes.length} places, first ${nodes[0].html.slice(0, 200)}`);
  }
  await page.close();
  return found;
}

// Runs in the page.
function links() {
  const found = [];
  const names = [...document.querySelectorAll("[id]")].map((element) => element.id);
  const twice = names.filter((name, index) => names.indexOf(name) !== index);
  for (const name of new Set(twice)) found.push(`the name ${name} occurs twice`);
  for (const link of document.querySelectorAll("a[href]")) {
    const target = link.getAttribute("href");
    if (!target.startsWith("#") || !document.getElementById(decodeURIComponent(target.slice(1)))) {
      found.push(`the link ${target} leads nowhere`);
    }
  }
  const unexplained = [...document.querySelectorAll(".number")].filter((number) => !number.title);
  if (unexplained.length) found.push(`${unexplained.length} numbers do not say what they are`);
  return found;
}

async function picture(page, file, colorScheme) {
  const stem = path.join(pictures, `${path.basename(path.dirname(path.resolve(file)))}-${colorScheme}`);
  await page.screenshot({ path: `${stem}.png` });
  await page.screenshot({ path: `${stem}-full.png`, fullPage: true });
  if (colorScheme === "light") await page.pdf({ path: `${stem}.pdf`, preferCSSPageSize: true });
}
