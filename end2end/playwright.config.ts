// Playwright against the release build in demo mode: the pages are at http://localhost:PORT, the emulator of
// Microsoft's platform at http://127.0.0.1:ANOTHER, so a sign-in crosses sites as it does in the real world.
import { existsSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { defineConfig, devices } from "@playwright/test";

// Set once, by the runner; its workers inherit the environment and so read the same address.
const origin = (process.env.CLOAKROOM_ORIGIN ??= `http://localhost:${await freePort()}`);

// Debian's Chromium, or the one that CHROMIUM names; else the one that Playwright installed.
const chromium = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) => path && existsSync(path));
// A developer's .env must not turn the demo off.
const registration = ["CLIENT_ID", "CLIENT_SECRET", "AUTHORITY", "GRAPH_ENDPOINT", "ALLOWED_TENANTS", "REDIRECT_PATH", "SCOPES"];
const root = process.getuid?.() === 0;

export default defineConfig({
  testDir: "tests",
  outputDir: "../target/playwright",
  fullyParallel: true,
  forbidOnly: !!process.env.CI,
  workers: 2,
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
    { name: "scripts on", testIgnore: /screenshots/ },
    { name: "scripts off", testMatch: /main-job|sign-out/, use: { javaScriptEnabled: false } },
    ...(process.env.SCREENSHOTS ? [{ name: "screenshots", testMatch: /screenshots/ }] : []),
  ],
  webServer: {
    command: "target/release/cloakroom",
    cwd: "..",
    url: `${origin}/healthz`,
    stdout: "pipe",
    timeout: 30_000,
    env: {
      ...Object.fromEntries(registration.map((name) => [name, ""])),
      LEPTOS_SITE_ADDR: `127.0.0.1:${new URL(origin).port}`,
      LOG: "warn",
      PUBLIC_URL: origin,
      SESSION_STORE: "sqlite::memory:",
    },
  },
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}
