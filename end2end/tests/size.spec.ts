// What a first visit to each page costs on the wire: everything that it loads, photos aside, as brotli 11.
import { brotliCompressSync, constants } from "node:zlib";
import { expect, signIn, test } from "./cloakroom.ts";

// Bytes. The gate of /people is the project's, its goal what React with MSAL needs for the same job: 127,000. The others
// are what they weigh, and a little room.
const ROUTES: { path: string; signedIn?: boolean; budget: number; wasm?: boolean }[] = [
  { path: "/", budget: 10_000 },
  { path: "/auth/error", budget: 10_000 },
  { path: "/", signedIn: true, budget: 160_000, wasm: true },
  { path: "/people", signedIn: true, budget: 160_000, wasm: true },
  { path: "/me", signedIn: true, budget: 16_000 },
  { path: "/people/tomas.okafor@fabrikam.example", signedIn: true, budget: 16_000 },
  { path: "/console", signedIn: true, budget: 20_000 },
  { path: "/account", signedIn: true, budget: 16_000 },
];

const KINDS = ["HTML", "CSS", "JS", "WASM", "other"] as const;
type Kind = (typeof KINDS)[number];

const kindOf = (type: string): Kind =>
  (["HTML", "CSS", "WASM"] as const).find((kind) => type.includes(kind.toLowerCase())) ?? (type.includes("javascript") ? "JS" : "other");

test("no page weighs more than its budget", async ({ page, browser, baseURL }) => {
  test.setTimeout(180_000);
  await signIn(page);
  const ticket = await page.context().storageState();
  const rows = [];
  for (const { path, signedIn, budget, wasm = false } of ROUTES) {
    // A browser that has the ticket and nothing in its cache.
    const context = await browser.newContext({ baseURL, storageState: signedIn ? ticket : undefined });
    const visit = await context.newPage();
    const weight: Record<Kind, number> = { HTML: 0, CSS: 0, JS: 0, WASM: 0, other: 0 };
    let sent = 0;
    const done: Promise<void>[] = [];
    visit.on("requestfinished", (request) => {
      if (new URL(request.url()).pathname.startsWith("/photo/")) return;
      done.push(
        (async () => {
          const answer = await request.response();
          const body = await answer!.body();
          const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: body.length };
          weight[kindOf(answer!.headers()["content-type"] ?? "")] += brotliCompressSync(body, { params }).length;
          sent += (await request.sizes()).responseBodySize;
        })(),
      );
    });
    await visit.goto(path, { waitUntil: "networkidle" });
    await Promise.all(done);
    await context.close();
    const total = KINDS.reduce((sum, kind) => sum + weight[kind], 0);
    rows.push({ name: path + (signedIn ? "" : ", signed out"), weight, total, sent, budget, wasm });
  }

  const cell = (what: string | number) => what.toLocaleString("en").padStart(9);
  const head = [...KINDS, "total", "budget", "as sent"].map(cell).join("");
  console.log(`\n${"bytes of a first visit, brotli 11".padEnd(34)}${head}`);
  for (const { name, weight, total, budget, sent } of rows) {
    console.log(name.padEnd(34) + [...KINDS.map((kind) => weight[kind]), total, budget, sent].map(cell).join(""));
  }
  console.log();

  for (const { name, weight, total, budget, wasm } of rows) {
    expect.soft(total, name).toBeLessThanOrEqual(budget);
    expect.soft(weight.WASM > 0, `${name} has WASM`).toBe(wasm);
    expect.soft(weight.CSS, `${name}: the style sheet`).toBeGreaterThan(0);
    expect.soft(weight.CSS, `${name}: the style sheet`).toBeLessThanOrEqual(12_000);
  }
});
