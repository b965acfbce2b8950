// Tabs and devices: what a page does when its session ends, and before it does.
import type { BrowserContext, Page } from "@playwright/test";
import { EMPLOYEE, MANAGER, awake, expect, people, pick, signIn, signInLink } from "./cloakroom.ts";
import { test } from "./server.ts";

declare global {
  interface Window {
    note(what: "sent" | "emptied", time: number): void;
  }
}

/** Notes when a form is sent and when a tab is empty. What it returns holds tabs to R75's second. */
async function stopwatch(...contexts: BrowserContext[]) {
  let sent = Infinity;
  const emptied = new Map<Page, number>();
  for (const context of contexts) {
    await context.exposeBinding("note", ({ page }, what: "sent" | "emptied", time: number) => {
      if (what === "sent") sent = time;
      else if (!emptied.has(page)) emptied.set(page, time);
    });
    await context.addInitScript(() => {
      addEventListener("submit", () => window.note("sent", Date.now()));
      const look = () => {
        if (document.readyState === "complete" && !document.body.firstElementChild) window.note("emptied", Date.now());
      };
      new MutationObserver(look).observe(document, { childList: true, subtree: true });
    });
  }
  return async (...tabs: Page[]) => {
    for (const tab of tabs) {
      await expect.poll(() => emptied.has(tab)).toBe(true);
      expect(emptied.get(tab)! - sent, "ms to empty a tab").toBeLessThan(1000);
      console.log(`      emptied after ${emptied.get(tab)! - sent} ms`);
    }
  };
}

/** Nothing of who was signed in, nor of what they saw. */
async function isSignedOut(page: Page) {
  await expect(signInLink(page)).toBeVisible();
  await expect(page.locator("body")).not.toContainText(EMPLOYEE);
  await expect(page.getByRole("table")).toHaveCount(0);
}

// As people's browsers have it, and Playwright's does not.
test.use({
  launchOptions: async ({ launchOptions }, use) => {
    await use({ ...launchOptions, ignoreDefaultArgs: ["--disable-back-forward-cache"] });
  },
});

for (const which of ["first", "last"] as const) {
  test(`signing out in the ${which} tab empties the others within a second (R75)`, async ({ page, context, baseURL }) => {
    const areEmptiedInTime = await stopwatch(context);
    await signIn(page);
    await awake(page);
    const tabs = [page, await context.newPage(), await context.newPage()];
    for (const tab of tabs) {
      await tab.goto("/people");
      await expect(people(tab)).toHaveCount(25);
    }
    const leaving = tabs.splice(which === "first" ? 0 : 2, 1)[0]!;
    await leaving.getByRole("button", { name: "Sign out" }).click();
    await areEmptiedInTime(...tabs);
    for (const tab of tabs) {
      await isSignedOut(tab);
      await expect(tab).toHaveURL(`${baseURL}/people`);
    }
    // The sign-out itself goes on to Microsoft and back.
    await expect(leaving).toHaveURL(`${baseURL}/`);
    await isSignedOut(leaving);
    // Nor does Back show anything.
    await page.goBack();
    await isSignedOut(page);
  });
}

test("a page that is left and comes back is not seen before it is known whose it is (R68)", async ({ page, context }) => {
  await signIn(page);
  await awake(page);
  // As a browser does it that keeps whole pages, these too. Chromium keeps none that is no-store.
  const passes = (what: "pagehide" | "pageshow") =>
    page.evaluate((what) => dispatchEvent(new PageTransitionEvent(what, { persisted: true })), what);
  await passes("pagehide");
  await expect(page.locator("body")).toBeHidden();
  await passes("pageshow");
  await expect(page.getByRole("heading", { level: 1, name: EMPLOYEE })).toBeVisible();

  await passes("pagehide");
  const other = await context.newPage();
  await other.goto("/");
  await other.getByRole("button", { name: "Sign out" }).click();
  await isSignedOut(other);
  await expect(page.locator("body")).toContainText(EMPLOYEE);
  let answer = () => {};
  const answered = new Promise<void>((resolve) => (answer = resolve));
  await page.route("**/auth/session", (route) => answered.then(() => route.continue()));
  const asked = page.waitForRequest("**/auth/session");
  await passes("pageshow");
  await asked;
  await expect(page.locator("body")).toBeHidden();
  answer();
  await isSignedOut(page);
});

test("another account in one tab is noticed in the others (R48, R75)", async ({ page, context }) => {
  await signIn(page);
  await page.goto("/people");
  const other = await context.newPage();
  await other.goto("/");
  await other.getByRole("button", { name: EMPLOYEE }).click();
  await other.getByRole("link", { name: "Use another account" }).click();
  await pick(other, MANAGER);
  await expect(other.getByRole("heading", { level: 1, name: MANAGER })).toBeVisible();
  await expect(page.locator("body")).not.toContainText(EMPLOYEE);
  // The old session ends before the browser has the new one's cookie: until it is loaded again, the tab may be signed out.
  await page.reload();
  await expect(page.getByRole("banner")).toContainText(MANAGER);
});

test("a sign-in of the same person that asks for more leaves the other tabs as they are", async ({ page, context }) => {
  const areEmptiedInTime = await stopwatch(context);
  await signIn(page);
  await awake(page);
  await page.evaluate(() => Object.assign(window, { here: true }));
  const other = await context.newPage();
  await other.goto("/auth/login?return_to=%2Fpeople&scope=Mail.ReadBasic");
  const listening = page.waitForResponse("**/auth/events");
  await other.getByRole("button", { name: "Accept" }).click();
  await expect(people(other)).toHaveCount(25);
  await listening;
  expect(await page.evaluate(() => "here" in window)).toBe(true);
  // It hears of the new session's end as well.
  await other.getByRole("button", { name: "Sign out" }).click();
  await areEmptiedInTime(page);
  await isSignedOut(page);
});

test("a tab waits for the cookie of the same person's next session, and only for so long (R48, R75)", async ({ page, context }) => {
  await signIn(page);
  await awake(page);
  await page.evaluate(() => Object.assign(window, { here: true }));
  // The answer to the sign-in takes its time: until it is here, the browser asks with the old session's cookie.
  let asked = 0;
  await page.route("**/auth/session", (route) => (++asked <= 3 ? route.fulfill({ json: { user: null } }) : route.continue()));
  const other = await context.newPage();
  await other.goto("/auth/login?return_to=%2Fpeople&scope=Mail.ReadBasic");
  await other.getByRole("button", { name: "Accept" }).click();
  await expect.poll(() => asked).toBeGreaterThan(3);
  await expect(page.getByRole("heading", { level: 1, name: EMPLOYEE })).toBeVisible();
  expect(await page.evaluate(() => "here" in window)).toBe(true);

  // It never comes.
  await page.route("**/auth/session", (route) => route.fulfill({ json: { user: null } }));
  await other.goto("/auth/login?return_to=%2F&prompt=login");
  await pick(other, EMPLOYEE);
  await expect.poll(() => page.evaluate(() => "here" in window).catch(() => true)).toBe(false);
});

test("a page asks once how the session stands when it starts", async ({ page, context }) => {
  const asked: Page[] = [];
  context.on("request", (request) => {
    if (request.url().endsWith("/auth/session")) asked.push(request.frame().page());
  });
  await signIn(page);
  await page.waitForLoadState("networkidle");
  expect(asked).toHaveLength(1);
  // A tab that has no stream of its own looks too.
  const other = await context.newPage();
  await other.goto("/people", { waitUntil: "networkidle" });
  expect(asked.filter((tab) => tab === other)).toHaveLength(1);
});

test("a browser has one stream of events, and the next tab takes it over (R75)", async ({ page, context }) => {
  const areEmptiedInTime = await stopwatch(context);
  const streams: string[] = [];
  context.on("request", (request) => {
    if (request.url().endsWith("/auth/events")) streams.push(request.url());
  });
  await signIn(page);
  await expect.poll(() => streams.length).toBe(1);
  const tabs = [await context.newPage(), await context.newPage()];
  for (const tab of tabs) await tab.goto("/people", { waitUntil: "networkidle" });
  expect(streams).toHaveLength(1);
  await page.close();
  await expect.poll(() => streams.length).toBe(2);
  await tabs[1]!.getByRole("button", { name: "Sign out" }).click();
  await areEmptiedInTime(tabs[0]!);
});

test("a device that is signed out elsewhere is empty within a second (R58, R75)", async ({ page, browser, baseURL }) => {
  const context = await browser.newContext({ baseURL });
  const areEmptiedInTime = await stopwatch(page.context(), context);
  const lost = await context.newPage();
  await signIn(page);
  await signIn(lost);
  await lost.goto("/people");
  // A page of the server's own, too.
  const unknown = await context.newPage();
  await unknown.goto("/no/such/page");
  await expect(unknown.getByRole("banner")).toContainText(EMPLOYEE);
  await page.goto("/account");
  await page.getByRole("button", { name: "Sign out all others" }).click();
  await areEmptiedInTime(lost, unknown);
  await isSignedOut(lost);
  await expect(page.getByRole("main").getByRole("status")).toHaveText("One session was ended.");
});

/** Seconds that the session has, as the server sees it. */
const left = (page: Page) =>
  page.evaluate(async () => {
    const answer = await fetch("/auth/session", { headers: { "X-CSRF": "1" } });
    const { now, idle_expires_at } = await answer.json();
    return (Date.parse(idle_expires_at) - Date.parse(now)) / 1000;
  });

const warning = (page: Page) => page.getByRole("alertdialog", { name: "You are about to be signed out" });

test.describe("before an unused session ends", () => {
  // Warned 12 seconds before: half of it.
  test.use({ settings: { SESSION_IDLE: "24s" } });

  test("people are warned in time, and one key keeps them signed in, in every tab (R50, WCAG 2.2.1)", async ({ page, context }) => {
    test.setTimeout(120_000);
    await signIn(page);
    const other = await context.newPage();
    await other.goto("/people");
    for (const key of ["Enter", "Space", "Escape"]) {
      await expect(warning(page)).toBeHidden();
      await expect(warning(page)).toBeVisible({ timeout: 40_000 });
      await expect(warning(other)).toBeVisible();
      // What a screen reader says: the dialog's name and description, the button, and now and then the time left.
      await expect(warning(page)).toHaveAccessibleDescription(/You will be signed out at \d\d:\d\d.*, unless you stay/);
      await expect(warning(page)).not.toHaveAccessibleDescription(/signing in again/);
      await expect(warning(page).getByRole("button", { name: "Stay signed in" })).toBeFocused();
      await expect(warning(page).getByRole("status")).toHaveText(/^\d+ seconds left$/);
      await expect(warning(page).getByRole("timer")).toHaveText(/^0:[01]\d$/);
      await page.keyboard.press(key);
      await expect(warning(page)).toBeHidden();
      await expect(warning(other)).toBeHidden();
      expect(await left(page)).toBeGreaterThan(18);
    }
  });
});

test.describe("when an unused session ends", () => {
  test.use({ settings: { SESSION_IDLE: "8s" } });

  test("a page that nobody comes back to empties itself (R50, R75)", async ({ page, baseURL }) => {
    await signIn(page);
    await page.goto("/people?search=Lindqvist");
    await expect(warning(page)).toBeVisible();
    await expect(signInLink(page)).toBeVisible({ timeout: 20_000 });
    await isSignedOut(page);
    await expect(page).toHaveURL(`${baseURL}/people?search=Lindqvist`);
  });
});

test.describe("before a session has lasted as long as any may", () => {
  test.use({ settings: { SESSION_IDLE: "20s", SESSION_MAX: "20s" } });

  test("people are told to sign in again, and come back to where they were (R50, WCAG 2.2.1)", async ({ page, baseURL }) => {
    await signIn(page);
    await page.goto("/people?search=Lindqvist");
    await expect(warning(page)).toBeVisible({ timeout: 40_000 });
    await expect(warning(page)).toHaveAccessibleDescription(/signing in again will be needed/);
    await expect(warning(page)).not.toHaveAccessibleDescription(/unless you stay/);
    await expect(warning(page).getByRole("button", { name: "Stay signed in" })).toHaveCount(0);
    await expect(warning(page).getByRole("link", { name: "Sign in again" })).toBeFocused();
    await page.keyboard.press("Enter");
    // Microsoft knows them still, and sends them back.
    await expect(page).toHaveURL(`${baseURL}/people?search=Lindqvist`);
    await expect(people(page).filter({ hasText: EMPLOYEE })).toHaveCount(1);
    await expect(warning(page)).toBeHidden();
    expect(await left(page)).toBeGreaterThan(10);
  });

  test("who says not now is left alone until the end", async ({ page }) => {
    await signIn(page);
    await expect(warning(page)).toBeVisible({ timeout: 40_000 });
    await warning(page).getByRole("button", { name: "Not now" }).click();
    await expect(warning(page)).toBeHidden();
    // Coming back to the tab asks how the session stands, and does not ask the person again.
    const asked = page.waitForResponse("**/auth/session");
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange", { bubbles: true })));
    await asked;
    await expect(warning(page)).toBeHidden();
    await expect(signInLink(page)).toBeVisible({ timeout: 20_000 });
  });
});
