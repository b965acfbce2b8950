// What every test starts from: a page that must not complain, and the way in and out.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test as base, type Page } from "@playwright/test";

export { expect };

export const EMPLOYEE = "Maya Lindqvist";
export const MANAGER = "Tomás Okafor";
export const PERSONAL = "Sam Whitaker";
export const GUEST = "Sofia Marchetti";
export const HOSTILE_NAME = "<img src=x onerror=alert(1)> O'Brien & Sons";

declare global {
  interface Window {
    awake?: boolean;
  }
}

export const test = base.extend<{ complaints: string[]; elsewhere: (html: string) => Promise<string> }>({
  /** A page that remembers when the app's router begins to listen for clicks: when it is awake. */
  page: async ({ page }, use) => {
    await page.addInitScript(() => {
      const listen = window.addEventListener;
      window.addEventListener = function (type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions) {
        // From the app's WASM, by its glue; the site's own scripts listen too.
        window.awake ||= type === "click" && /\/pkg\//.test(new Error().stack!);
        listen.call(window, type, listener, options);
      };
    });
    await use(page);
  },

  /** What the browser's console complained of: R64 wants no violation of the CSP, and nothing else may fail either. */
  complaints: [
    async ({ page }, use) => {
      const complaints: string[] = [];
      page.on("pageerror", (error) => complaints.push(error.stack ?? String(error)));
      page.on("console", (message) => {
        if (message.type() !== "error" && !/Content.Security.Policy/i.test(message.text())) return;
        const { url } = message.location();
        // A session without any more events, and a page that tells of its trouble, have the status of it.
        const [, status] = /^Failed to load resource: .* status of ([45])\d\d/.exec(message.text()) ?? [];
        if (status && url === page.url()) return;
        if (status === "4" && new URL(url).pathname === "/auth/events") return;
        complaints.push(`${message.text()} (${url})`);
      });
      await use(complaints);
      expect(complaints).toEqual([]);
    },
    { auto: true },
  ],

  /** Serves a page on another site, http://127.0.0.1 beside http://localhost, and gives its address. */
  elsewhere: async ({}, use) => {
    const servers: Server[] = [];
    await use(async (html) => {
      const server = createServer((_, answer) => answer.setHeader("Content-Type", "text/html").end(html));
      servers.push(server);
      await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    });
    for (const server of servers) server.close();
  },
});

export const signInLink = (page: Page) => page.getByRole("link", { name: "Sign in with Microsoft" });
export const people = (page: Page) => page.getByRole("table").locator("tbody").getByRole("row");

/** The names on the page of the directory, in order, without the initials before them. */
export async function names(page: Page): Promise<string[]> {
  const texts = await people(page).getByRole("rowheader").allInnerTexts();
  return texts.map((text) => text.split("\n").at(-1)!.trim());
}

/** Picks an account at Microsoft and allows what the app asks for, where Microsoft asks. */
export async function pick(page: Page, name: string, signOut = "Sign out") {
  await page.getByRole("button", { name }).click();
  const accept = page.getByRole("button", { name: "Accept" });
  const home = page.getByRole("banner").getByRole("button", { name: signOut });
  await expect(accept.or(home)).toBeVisible();
  if (await accept.isVisible()) await accept.click();
}

/** Signs in from the start page; ends at home. */
export async function signIn(page: Page, name = EMPLOYEE) {
  await page.goto("/");
  await signInLink(page).click();
  await pick(page, name);
  await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
}

/** Waits until the page answers clicks itself instead of loading documents. */
export async function awake(page: Page) {
  await expect.poll(() => page.evaluate(() => window.awake)).toBe(true);
}
