// All that can be a link or a form, in one visit: it works with scripts off, and is no worse with them on.
import type { Browser, Page } from "@playwright/test";
import { EMPLOYEE, expect, names, people, pick, signInLink } from "./cloakroom.ts";
import { test } from "./server.ts";

const html = (page: Page) => page.locator("html");

/** The same person, in another browser. */
async function elsewhere(browser: Browser, baseURL: string | undefined): Promise<Page> {
  const context = await browser.newContext({ baseURL });
  const page = await context.newPage();
  await page.goto("/auth/login?login_hint=maya.lindqvist@fabrikam.example&return_to=/account");
  await expect(page.getByRole("heading", { level: 1, name: "Account" })).toBeVisible();
  return page;
}

test("sign in, choose language and theme, search, turn pages, end a session and sign out", async ({ page, browser, baseURL }) => {
  await page.goto("/");
  await page.getByRole("button", { name: "Nederlands" }).click();
  await expect(html(page)).toHaveAttribute("lang", "nl");
  await page.getByRole("link", { name: "Aanmelden met Microsoft" }).click();
  await pick(page, EMPLOYEE, "Afmelden");
  await expect(page.getByRole("heading", { level: 1, name: EMPLOYEE })).toBeVisible();
  await expect(html(page)).toHaveAttribute("lang", "nl");
  await page.getByRole("button", { name: "English" }).click();
  await expect(html(page)).toHaveAttribute("lang", "en");

  await page.getByRole("link", { name: "People", exact: true }).click();
  const first = await names(page);
  await page.getByRole("link", { name: "Next" }).click();
  await expect(people(page).first()).not.toContainText(first[0]!);
  // A choice stays on the page that it is made on, and is there at once, without a script that could come too late.
  const address = page.url();
  await page.getByRole("button", { name: "Dark" }).click();
  await expect(html(page)).toHaveAttribute("data-theme", "dark");
  await expect(page).toHaveURL(address);
  await page.getByRole("button", { name: "System" }).click();
  await expect(html(page)).not.toHaveAttribute("data-theme");
  await page.getByRole("searchbox", { name: "Search people" }).fill("Lindqvist");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(people(page).filter({ hasText: EMPLOYEE })).toHaveCount(1);

  const other = await elsewhere(browser, baseURL);
  await page.getByRole("link", { name: "Account", exact: true }).click();
  await page.getByRole("main").getByRole("listitem").getByRole("button", { name: /^Sign out/ }).click();
  await expect(page.getByRole("main").getByRole("status")).toHaveText("One session was ended.");
  await other.goto("/people");
  await expect(signInLink(other)).toBeVisible();

  await page.getByRole("banner").getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(`${baseURL}/`);
  await expect(signInLink(page)).toBeVisible();
});
