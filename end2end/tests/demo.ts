// What every server of the tests is started with: the demo on a port of its own, its sessions in memory.
import { createServer, type AddressInfo } from "node:net";

// Left out: a developer's .env must not turn the demo off.
const registration = ["CLIENT_ID", "CLIENT_SECRET", "AUTHORITY", "GRAPH_ENDPOINT", "ALLOWED_TENANTS", "REDIRECT_PATH", "SCOPES"];

/** The environment of a server at `origin`. */
export const environment = (origin: string, settings: Record<string, string>): Record<string, string> => ({
  ...Object.fromEntries(registration.map((name) => [name, ""])),
  LEPTOS_SITE_ADDR: `127.0.0.1:${new URL(origin).port}`,
  LOG: "warn",
  PUBLIC_URL: origin,
  SESSION_STORE: "sqlite::memory:",
  ...settings,
});

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}
