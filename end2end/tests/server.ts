// A server of a test's own, for tests that end people's sessions or need settings of their own.
import { spawn } from "node:child_process";
import { test as base } from "./cloakroom.ts";
import { environment, freePort } from "./demo.ts";

/** `settings` are those of the test's own server, in demo mode, which its pages then talk to. */
export const test = base.extend<{ settings: Record<string, string> }>({
  settings: [{}, { option: true }],

  baseURL: async ({ settings }, use) => {
    const port = await freePort();
    const origin = `http://localhost:${port}`;
    const server = spawn("target/release/cloakroom", {
      cwd: "..",
      env: { ...process.env, ...environment(origin, settings) },
      stdio: ["ignore", "inherit", "inherit"],
    });
    const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()));
    await base.expect
      .poll(() => fetch(`${origin}/healthz`).then(({ status }) => status, () => 0), { timeout: 30_000 })
      .toBe(200);
    await use(origin);
    server.kill();
    await ended;
  },
});
