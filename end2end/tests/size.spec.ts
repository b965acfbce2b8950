// What a first visit to /people costs on the wire: everything that the page loads, photos aside, as brotli 11.
import { brotliCompressSync, constants } from "node:zlib";
import { expect, signIn, test } from "./cloakroom.ts";

const GATE = 160_000;
const GOAL = 127_000; // what React with MSAL needs for the same job

test("/people weighs less than 160 KB", async ({ page, browser, baseURL }) => {
  await signIn(page);
  // A browser that has the ticket and nothing in its cache.
  const context = await browser.newContext({ baseURL, storageState: await page.context().storageState() });
  const visit = await context.newPage();
  const rows: { file: string; raw: number; brotli: number; sent: number }[] = [];
  const done: Promise<void>[] = [];
  visit.on("requestfinished", (request) => {
    if (request.resourceType() === "image") return;
    done.push(
      (async () => {
        const body = await (await request.response())!.body();
        const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: body.length };
        const brotli = brotliCompressSync(body, { params }).length;
        const { responseBodySize: sent } = await request.sizes();
        rows.push({ file: new URL(request.url()).pathname, raw: body.length, brotli, sent });
      })(),
    );
  });
  await visit.goto("/people", { waitUntil: "networkidle" });
  await Promise.all(done);
  await context.close();

  const sum = (column: "raw" | "brotli" | "sent") => rows.reduce((total, row) => total + row[column], 0);
  rows.push({ file: "total", raw: sum("raw"), brotli: sum("brotli"), sent: sum("sent") });
  const cell = (bytes: number) => bytes.toLocaleString("en").padStart(10);
  console.log(`\n${"bytes of /people, signed in".padEnd(48)}       raw  brotli 11   as sent`);
  for (const { file, raw, brotli, sent } of rows) console.log(file.padEnd(48) + cell(raw) + " " + cell(brotli) + cell(sent));
  const total = rows.at(-1)!.brotli;
  console.log(`The gate is ${cell(GATE).trim()}, the goal ${cell(GOAL).trim()}.\n`);

  expect(rows.map(({ file }) => file.split(".").pop())).toEqual(expect.arrayContaining(["css", "js", "wasm"]));
  expect(total).toBeLessThanOrEqual(GATE);
});
