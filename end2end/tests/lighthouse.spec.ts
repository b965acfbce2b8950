// `make lighthouse`: Google's Lighthouse with its settings for a telephone, and what it must say (issue: the app people enjoy).
// It is slow and its first figure is a measure of the machine too, so `make test` goes without.
import { execFile } from "node:child_process";
import { loadavg } from "node:os";
import { promisify } from "node:util";
import { expect, test } from "./cloakroom.ts";
import { start } from "./server.ts";
import { ticket } from "./visit.ts";

const RUNS = Number(process.env.LIGHTHOUSE_RUNS ?? 3);
const PAGES = [
  { path: "/" },
  { path: "/people", who: "maya.lindqvist@fabrikam.example" },
  { path: "/console", who: "maya.lindqvist@fabrikam.example" },
];
const CATEGORIES = ["performance", "accessibility", "best-practices"] as const;

/** What of Lighthouse's report is looked at. */
interface Report {
  categories: Record<(typeof CATEGORIES)[number], { score: number; auditRefs: { id: string; weight: number }[] }>;
  audits: Record<string, { score: number | null; title: string; numericValue?: number }>;
}

async function lighthouse(url: string, cookie: string): Promise<Report> {
  const args = [
    "lighthouse/node_modules/lighthouse/cli/index.js",
    url,
    "--quiet",
    "--output=json",
    `--only-categories=${CATEGORIES.join()}`,
    "--chrome-flags=--headless=new --no-sandbox --disable-dev-shm-usage --disable-gpu",
    ...(cookie ? [`--extra-headers=${JSON.stringify({ Cookie: cookie })}`] : []),
  ];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 64 * 1024 * 1024 });
  return JSON.parse(stdout);
}

let stop = async () => {};
test.afterAll(() => stop());

test("Lighthouse on a telephone", async ({ browser }, { project }) => {
  test.setTimeout(0);
  // Where Lighthouse looks for a browser.
  process.env.CHROME_PATH ??= project.use.launchOptions?.executablePath ?? browser.browserType().executablePath();
  const server = await start({});
  const { origin } = server;
  stop = server.stop;
  console.log(`\n${RUNS} runs each, the one with the median performance; load average ${loadavg()[0]!.toFixed(1)} at the start`);
  console.log("page        performance  accessibility  best practices    CLS   FCP s   LCP s   TBT ms");
  for (const { path, who } of PAGES) {
    const cookies = who ? await ticket(browser, origin, who) : [];
    const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
    const reports: Report[] = [];
    for (let run = 0; run < RUNS; run++) reports.push(await lighthouse(origin + path, cookie));
    reports.sort((a, b) => a.categories.performance.score - b.categories.performance.score);
    const { categories, audits } = reports[Math.floor(RUNS / 2)]!;
    const score = (category: (typeof CATEGORIES)[number]) => Math.round(categories[category].score * 100);
    const value = (audit: string) => audits[audit]?.numericValue ?? NaN;
    const [performance, accessibility, practices] = CATEGORIES.map(score);
    const shift = value("cumulative-layout-shift");
    const seconds = (audit: string) => (value(audit) / 1000).toFixed(2).padStart(8);
    console.log(
      `${path.padEnd(10)}${String(performance).padStart(13)}${String(accessibility).padStart(15)}${String(practices).padStart(16)}` +
        `${shift.toFixed(3).padStart(7)}${seconds("first-contentful-paint")}${seconds("largest-contentful-paint")}` +
        `${value("total-blocking-time").toFixed(0).padStart(9)}`,
    );
    const lost = Object.values(categories)
      .flatMap(({ auditRefs }) => auditRefs)
      .filter(({ id, weight }) => weight > 0 && (audits[id]?.score ?? 1) < 0.9)
      .map(({ id }) => `${id}: ${audits[id]?.title}`);
    for (const line of lost) console.log(`            ${line}`);
    expect.soft(performance, `performance of ${path}`).toBeGreaterThanOrEqual(95);
    expect.soft(accessibility, `accessibility of ${path}`).toBe(100);
    expect.soft(practices, `best practices of ${path}`).toBe(100);
    expect.soft(shift, `layout shift of ${path}`).toBeLessThanOrEqual(0.02);
  }
});
