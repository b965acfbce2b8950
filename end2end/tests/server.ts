// Servers of the tests' own, in demo mode, each with an emulator of Microsoft's platform that is its own too.
import { spawn } from "node:child_process";
import { test as base, expect } from "./cloakroom.ts";
import { environment, freePort } from "./demo.ts";

export interface Server {
  origin: string;
  stop(): Promise<void>;
}

export async function start(settings: Record<string, string>): Promise<Server> {
  const origin = `http://localhost:${await freePort()}`;
  const server = spawn("target/release/cloakroom", {
    cwd: "..",
    env: { ...process.env, ...environment(origin, settings) },
    stdio: ["ignore", "inherit", "inherit"],
  });
  const ended = new Promise<void>((resolve) => server.once("exit", () => resolve()));
  await expect
    .poll(() => fetch(`${origin}/healthz`).then(({ status }) => status, () => 0), { timeout: 30_000 })
    .toBe(200);
  return {
    origin,
    async stop() {
      server.kill();
      await ended;
    },
  };
}

/** For tests that end people's sessions or need settings of their own. */
export const test = base.extend<{ settings: Record<string, string> }>({
  /** Those of the server that the test's pages talk to. */
  settings: [{}, { option: true }],

  baseURL: async ({ settings }, use) => {
    const server = await start(settings);
    await use(server.origin);
    await server.stop();
  },
});
