// `make bench-page`: how long a person waits after the sign-in. In Chromium, as if on a telephone with slow 4G: from the
// callback (Microsoft's redirect to it) until the first row of the directory is painted, and until the page is awake.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { loadavg } from "node:os";
import { brotliCompressSync, constants } from "node:zlib";
import type { Browser } from "@playwright/test";
import { expect, test } from "./cloakroom.ts";
import { start } from "./server.ts";
import { ticket } from "./visit.ts";

const RUNS = Number(process.env.BENCH_RUNS ?? 7);
const WHO = "maya.lindqvist@fabrikam.example";
/** Chromium holds back each request by the latency, and connections share the rates. */
const SLOW_4G = { offline: false, latency: 150, downloadThroughput: 1_600_000 / 8, uploadThroughput: 750_000 / 8 };
const CPU_SLOWDOWN = 4;

interface Times {
  /** In ms since the navigation. */
  painted: number;
  awake: number;
}

declare global {
  interface Window {
    reached(what: keyof Times, time: number): void;
  }
}

/** Opens `url` in a browser with an empty cache, and waits for a row. Time begins at the request that `begin` matches. */
async function visit(browser: Browser, url: string, begin: RegExp, scripts: boolean): Promise<Times> {
  const context = await browser.newContext();
  const page = await context.newPage();
  const times: Partial<Times> = {};
  await page.exposeBinding("reached", (_, what: keyof Times, time: number) => void (times[what] ??= time));
  await page.addInitScript(() => {
    const listen = window.addEventListener;
    window.addEventListener = function (type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions) {
      // The app's router, by the glue of its WASM; the site's own scripts listen too.
      if (type === "click" && /\/pkg\//.test(new Error().stack!)) window.reached("awake", Date.now());
      listen.call(window, type, listener, options);
    };
    // A frame is made only once the style sheet is there. What follows it in the queue comes after it was painted.
    const look = () => {
      if (!document.querySelector("table.people tbody tr")) requestAnimationFrame(look);
      else setTimeout(() => window.reached("painted", Date.now()));
    };
    requestAnimationFrame(look);
  });
  const browserSide = await context.newCDPSession(page);
  await browserSide.send("Network.enable");
  await browserSide.send("Network.emulateNetworkConditions", SLOW_4G);
  await browserSide.send("Emulation.setCPUThrottlingRate", { rate: CPU_SLOWDOWN });
  // The page's own scripts alone: the stopwatch is one too.
  if (!scripts) await browserSide.send("Network.setBlockedURLs", { urls: ["*.js", "*.wasm"] });
  let begun = 0;
  browserSide.on("Network.requestWillBeSent", ({ request, wallTime, type }) => {
    if (type === "Document" && begin.test(request.url)) begun ||= wallTime * 1000;
  });
  await page.goto(url, { waitUntil: "commit" });
  // Asked on this side alone: a look into the page would cost it time, and Playwright's listens for clicks itself.
  await expect.poll(() => times.painted, { timeout: 30_000 }).toBeDefined();
  if (scripts) await expect.poll(() => times.awake, { timeout: 30_000 }).toBeDefined();
  await context.close();
  expect(begun).toBeGreaterThan(0);
  return { painted: times.painted! - begun, awake: (times.awake ?? NaN) - begun };
}

/** Serves the same hops, page and style sheet, of the same bytes, and asks nobody: what the network and the browser take by themselves. */
async function still(browser: Browser, origin: string) {
  const [cookie] = await ticket(browser, origin, WHO);
  const headers = { Cookie: `${cookie!.name}=${cookie!.value}`, "Accept-Encoding": "br" };
  const get = async (path: string) => {
    const answer = await fetch(origin + path, { headers });
    return { type: answer.headers.get("content-type")!, body: Buffer.from(await answer.arrayBuffer()) };
  };
  const page = await get("/people");
  const path = /<link rel="stylesheet" href="([^"]+)"/.exec(page.body.toString())![1]!;
  const style = await get(path);
  const packed = ({ body, type }: typeof page, quality: number) => ({
    type,
    body: brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: quality } }),
  });
  const files = { page: packed(page, 4), style: packed(style, 11) };
  const hop = { type: "text/html", body: brotliCompressSync('<!DOCTYPE html><meta http-equiv="refresh" content="0;url=/people">') };
  const server = createServer((request, answer) => {
    if (request.url === "/login") {
      // From another site, as Microsoft is.
      const callback = `http://${request.headers.host!.replace("127.0.0.1", "localhost")}/auth/callback`;
      return void answer.writeHead(302, { Location: callback }).end();
    }
    const file = { "/auth/callback": hop, "/people": files.page, [path]: files.style }[request.url!];
    if (!file) return void answer.writeHead(404).end();
    answer.writeHead(200, { "Content-Type": file.type, "Content-Encoding": "br" }).end(file.body);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const bytes = files.page.body.length + files.style.body.length;
  return { server, bytes, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/login` };
}

test("from the callback to the first row", async ({ browser }) => {
  test.setTimeout(0);
  const { origin, stop } = await start({});
  const reference = await still(browser, origin);
  const signIn = `${origin}/auth/login?login_hint=${WHO}&return_to=/people`;
  const variants = {
    "scripts on": () => visit(browser, signIn, /\/auth\/callback/, true),
    "scripts off": () => visit(browser, signIn, /\/auth\/callback/, false),
    "the same bytes from a still server": () => visit(browser, reference.url, /\/auth\/callback/, false),
  };
  const all = new Map<string, Times[]>(Object.keys(variants).map((name) => [name, []]));
  const load = loadavg()[0]!;
  for (let run = 0; run <= RUNS; run++) {
    for (const [name, measure] of Object.entries(variants)) {
      const times = await measure();
      // The first warms up the server and this machine.
      if (run > 0) all.get(name)!.push(times);
    }
  }
  reference.server.close();
  await stop();

  const cell = (values: number[]) => {
    const [low, median, high] = [0, (values.length - 1) / 2, values.length - 1].map((at) => values.sort((a, b) => a - b)[Math.floor(at)]!);
    return Number.isNaN(median) ? "–".padStart(24) : `${median!.toFixed(0)} (${low!.toFixed(0)}–${high!.toFixed(0)})`.padStart(24);
  };
  console.log(
    `\nslow 4G (1.6 Mbit/s down, 0.75 up, 150 ms), CPU ${CPU_SLOWDOWN} × slower, empty cache, ${RUNS} runs; ` +
      `load average ${load.toFixed(1)} before, ${loadavg()[0]!.toFixed(1)} after`,
  );
  console.log(`ms since the callback: median (least–most)${"first row painted".padStart(18)}${"awake".padStart(24)}`);
  for (const [name, times] of all) console.log(name.padEnd(36) + cell(times.map(({ painted }) => painted)) + cell(times.map(({ awake }) => awake)));
  const { latency, downloadThroughput } = SLOW_4G;
  const transfer = (reference.bytes / downloadThroughput) * 1000;
  console.log(
    `The page and its style sheet are ${reference.bytes.toLocaleString("en")} bytes as sent. Four requests come one after the other: ` +
      `the callback, the hop that brings the Strict cookie, the page, the style sheet.\n` +
      `So the network alone takes ${4 * latency} ms of latency and ${transfer.toFixed(0)} ms of transfer; ` +
      `what goes beyond that is the server, Microsoft's token endpoint and Graph, and the slowed-down browser.\n`,
  );
});
