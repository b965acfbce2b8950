// Playwright against the release build in demo mode: the pages are at http://localhost:PORT, the emulator of
// Microsoft's platform at http://127.0.0.1:ANOTHER, so a sign-in crosses sites as it does in the real world.
import { existsSync } from "node:fs";
import { defineConfig, devices } from "@playwright/test";
import { environment, freePort } from "./tests/demo.ts";

// Set once, by the runner; its workers inherit the environment and so read the same addresses.
const origin = (process.env.CLOAKROOM_ORIGIN ??= `http://localhost:${await freePort()}`);
// The same with fewer permissions: what it lacks is asked for when it is needed.
const modest = (process.env.CLOAKROOM_MODEST_ORIGIN ??= `http://localhost:${await freePort()}`);

// Debian's Chromium, or the one that CHROMIUM names; else the one that Playwright installed.
const chromium = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) => path && existsSync(path));
const root = process.getuid?.() === 0;

// No tests but tools: `make screenshots` and the like name the one that is to run.
const alone = ["bench-page", "lighthouse", "screenshots"];
const spec = (name: string) => `**/${name}.spec.ts`;

export default defineConfig({
  testDir: "tests",
  outputDir: "../target/playwright",
  fullyParallel: true,
  forbidOnly: !!process.env.CI,
  workers: 2,
  // On a busy machine Chromium itself stands still at times. What passes only then is reported as flaky.
  retries: 1,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: "list",
  use: {
    ...devices["Desktop Chrome"],
    baseURL: origin,
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: chromium,
      args: ["--disable-dev-shm-usage", "--disable-gpu", ...(root ? ["--no-sandbox"] : [])],
    },
  },
  projects: [
    { name: "scripts on", testIgnore: ["accessibility", ...alone].map(spec) },
    { name: "scripts off", testMatch: /(account|consent|main-job|no-scripts|sign-out)\.spec/, use: { javaScriptEnabled: false } },
    // A trace would take longer than what it is of.
    { name: "accessibility", testMatch: spec("accessibility"), use: { trace: "off" } },
    ...alone.filter((name) => name === process.env.ALONE).map((name) => ({ name, testMatch: spec(name) })),
  ],
  webServer: [server(origin), server(modest, { SCOPES: "User.Read" })],
});

function server(origin: string, settings: Record<string, string> = {}) {
  return {
    command: "target/release/cloakroom",
    cwd: "..",
    url: `${origin}/healthz`,
    stdout: "pipe" as const,
    timeout: 30_000,
    env: environment(origin, settings),
  };
}
