// "Where you're signed in": listing and ending sessions. With scripts and without.
import type { Browser, Page } from "@playwright/test";
import { EMPLOYEE, expect, signIn, signInLink } from "./cloakroom.ts";
import { test } from "./server.ts";

const ADMIN = "Aroha Ngata";
const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/** A person in another browser. */
async function device(browser: Browser, baseURL: string | undefined, name = EMPLOYEE): Promise<Page> {
  const context = await browser.newContext({ baseURL, userAgent: FIREFOX });
  const page = await context.newPage();
  await signIn(page, name);
  return page;
}

const sessions = (page: Page) => page.getByRole("main").locator(".sessions").getByRole("listitem");
const notice = (page: Page) => page.getByRole("main").getByRole("status");

async function isSignedOut(page: Page) {
  await page.goto("/people");
  await expect(signInLink(page)).toBeVisible();
}

test("people see where they are signed in and sign one browser out (R58)", async ({ page, browser, baseURL }) => {
  await signIn(page);
  const other = await device(browser, baseURL);
  await page.getByRole("link", { name: "Account", exact: true }).click();
  await expect(page).toHaveURL(`${baseURL}/account`);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Account");
  await expect(page).toHaveTitle("Account · Cloakroom");
  await expect(sessions(page)).toHaveCount(2);
  await expect(sessions(page).nth(0)).toContainText("This one");
  await expect(sessions(page).nth(0).getByRole("button")).toHaveCount(0);
  const firefox = sessions(page).nth(1);
  await expect(firefox).toContainText("Firefox on Linux");
  await expect(firefox).toContainText(/Signed in \d+ \w{3} \d{4}, \d\d:\d\d UTC, last used/);
  await expect(firefox.locator("time").first()).toHaveAttribute("datetime", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);

  await firefox.getByRole("button", { name: "Sign out Firefox on Linux" }).click();
  await expect(notice(page)).toHaveText("One session was ended.");
  await expect(sessions(page)).toHaveCount(1);
  await expect(page.getByRole("button", { name: "Sign out all" })).toHaveCount(0);
  await isSignedOut(other);
});

test("people sign out everywhere else at once (R58)", async ({ page, browser, baseURL }) => {
  const others = [await device(browser, baseURL), await device(browser, baseURL)];
  await signIn(page);
  await page.goto("/account");
  await page.getByRole("button", { name: "Sign out all others" }).click();
  await expect(notice(page)).toHaveText("2 sessions were ended.");
  await expect(sessions(page)).toHaveCount(1);
  for (const other of others) await isSignedOut(other);
});

test("ending all sessions at Microsoft asks for its permission first, which an administrator may have to give (R76)", async ({ page, baseURL }) => {
  await signIn(page);
  await page.goto("/account");
  await page.getByRole("button", { name: "End all sessions at Microsoft too" }).click();
  await expect(page.getByRole("main")).toContainText("User.RevokeSessions.All");
  await page.getByRole("link", { name: "Allow access" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Need admin approval");
  await page.getByRole("button", { name: "Return to the application" }).click();
  await page.getByRole("link", { name: "Go back" }).click();
  await expect(page).toHaveURL(`${baseURL}/account`);
  await expect(sessions(page)).toHaveCount(1);
});

test("an administrator sees and ends another person's sessions, and a colleague does not (R58)", async ({ page, browser, baseURL }) => {
  const first = await device(browser, baseURL);
  const second = await device(browser, baseURL);
  await signIn(page, ADMIN);
  await page.getByRole("link", { name: "Account", exact: true }).click();
  const person = page.getByRole("textbox", { name: "Sign-in name or object id" });
  await person.fill("maya.lindqvist@fabrikam.example");
  await page.getByRole("button", { name: "Show" }).click();
  await expect(page.getByRole("heading", { level: 2, name: `Where ${EMPLOYEE} is signed in` })).toBeVisible();
  await expect(sessions(page)).toHaveCount(2);
  // The last used comes first.
  await sessions(page).nth(1).getByRole("button", { name: "Sign out" }).click();
  await expect(notice(page)).toHaveText("One session was ended.");
  await expect(sessions(page)).toHaveCount(1);
  await page.getByRole("button", { name: "Sign out all" }).click();
  await expect(page.getByText("There is no session of this person in this app.")).toBeVisible();
  for (const other of [first, second]) await isSignedOut(other);

  await person.fill("nobody@fabrikam.example");
  await page.getByRole("button", { name: "Show" }).click();
  await expect(page.getByRole("main")).toContainText("Nobody in your organisation");

  await signInLink(first).click();
  // Microsoft knows them still.
  await expect(first.getByRole("table")).toBeVisible();
  await first.goto("/account");
  await expect(first.getByRole("textbox")).toHaveCount(0);
  const refused = await first.goto("/account?person=aroha.ngata@fabrikam.example");
  expect(refused?.status()).toBe(403);
  await expect(first.getByRole("main")).toContainText("Sessions.Admin");
});
