// Brings a page into one of its states: see routes.ts.
import type { Browser, Cookie } from "@playwright/test";
import { expect, test as base } from "./cloakroom.ts";
import { clearFaults, consentToLittle, fault, microsoft, type Microsoft } from "./microsoft.ts";
import type { Route } from "./routes.ts";
import { start } from "./server.ts";

export const LANGUAGES = ["en", "nl"] as const;
export const THEMES = ["light", "dark"] as const;
/** WCAG 1.4.10 counts from 320 px. */
export const WIDTHS = [320, 1440];

/** A server that a worker keeps, with the tickets of who has signed in there. */
interface Site {
  origin: string;
  microsoft: Microsoft;
  tickets: Map<string, Cookie[]>;
}

type Visit = (route: Route, language: (typeof LANGUAGES)[number]) => Promise<void>;

export const test = base.extend<{ visit: Visit }, { full: Site; little: Site }>({
  full: [
    async ({}, use) => {
      const { origin, stop } = await start({ LOG: "error" });
      await use({ origin, microsoft: await microsoft(origin), tickets: new Map() });
      await stop();
    },
    { scope: "worker" },
  ],
  little: [
    async ({}, use) => {
      const { origin, stop } = await start({ LOG: "error", SCOPES: "User.Read" });
      const site = { origin, microsoft: await microsoft(origin), tickets: new Map() };
      await consentToLittle(site.microsoft);
      await use(site);
      await stop();
    },
    { scope: "worker" },
  ],

  // What moves to another colour would be looked at on its way.
  contextOptions: async ({ contextOptions }, use) => use({ ...contextOptions, reducedMotion: "reduce" }),

  visit: async ({ page, context, browser, full, little }, use) => {
    await use(async (route, language) => {
      const site = route.little ? little : full;
      for (const who of [route.who, route.besides]) {
        if (who && !site.tickets.has(who)) site.tickets.set(who, await ticket(browser, site.origin, who));
      }
      const held = site.tickets.get(route.who ?? "") ?? [];
      await context.addCookies([...held, { name: "lang", value: language, url: site.origin }]);
      for (const rule of route.faults ?? []) await fault(site.microsoft, rule);
      if (route.ends) {
        const { ends } = route;
        await page.route("**/auth/session", async (answering) => {
          const headers = { ...answering.request().headers(), "sec-fetch-site": "same-origin" };
          const response = await answering.fetch({ headers });
          const session = await response.json();
          const soon = new Date(Date.parse(session.now) + 107_000).toISOString();
          await answering.fulfill({ response, json: { ...session, idle_expires_at: soon, [ends]: soon } });
        });
      }
      await page.goto(site.origin + route.path, { waitUntil: "networkidle" });
      await expect(page.locator(route.ready).first()).toBeVisible();
    });
    await clearFaults(full.microsoft);
    await clearFaults(little.microsoft);
  },
});

/** What is in the browser of someone who has signed in. */
export async function ticket(browser: Browser, origin: string, who: string): Promise<Cookie[]> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${origin}/auth/login?login_hint=${encodeURIComponent(who)}&return_to=/account`);
  await page.waitForURL(`${origin}/account`);
  const cookies = await context.cookies(origin);
  await context.close();
  return cookies.filter(({ name }) => name === "session");
}
