// The console in a browser: what it copies, what it remembers, and what works without a hand on the mouse or a script.
import type { Page } from "@playwright/test";
import { expect, signIn, test } from "./cloakroom.ts";

const path = (page: Page) => page.getByRole("combobox", { name: "Path" });
const history = (page: Page) => page.getByRole("complementary").locator("#history");
const kept = (page: Page) => page.evaluate(() => ({ ...sessionStorage }));

/** A call, by the keyboard alone. */
async function ask(page: Page, what: string) {
  await path(page).fill(what);
  await path(page).press("Control+Enter");
  await expect(page.getByRole("heading", { name: "Answer" })).toBeVisible();
}

test("Ctrl+Enter asks, from the path and from the body", async ({ page }) => {
  await signIn(page);
  await page.goto("/console");
  await ask(page, "/me?$select=displayName");
  await expect(page).toHaveTitle("200 OK · Console · Cloakroom");
  await expect(page.getByText('"Maya Lindqvist"', { exact: true })).toBeVisible();

  await page.getByRole("combobox", { name: "Method" }).selectOption("POST");
  const body = page.getByRole("textbox", { name: "Body (JSON)" });
  await expect(body).toBeVisible();
  await path(page).fill("/$batch");
  await body.fill(JSON.stringify({ requests: [{ id: "1", method: "GET", url: "/me" }] }));
  await body.press("Enter");
  await expect(page).toHaveURL(/run=1/);
  await body.press("Control+Enter");
  await expect(page).toHaveURL(/\/console$/);
  await expect(page.getByRole("main")).toContainText("200 OK");
});

test("a sample and every part of an answer are within the keyboard's reach", async ({ page }) => {
  await signIn(page);
  await page.goto("/console");
  await page.getByRole("link", { name: "The first five people" }).press("Enter");
  await expect(path(page)).toHaveValue("/users?$top=5&$select=displayName,mail");
  await expect(page.getByRole("heading", { name: "Answer" })).toHaveCount(0);
  await page.getByRole("button", { name: "Run" }).press("Enter");
  const item = page.locator(".tree details details").first();
  await expect(item).not.toHaveAttribute("open");
  await item.locator("summary").press("Enter");
  await expect(item.getByText("displayName")).toBeVisible();
  await page.getByText("As text").press("Enter");
  await expect(page.locator("#text")).toContainText('"value": [');
});

test("copies are what stands there, with a place for a token (R52)", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await signIn(page);
  await page.goto("/console");
  await ask(page, "/users?$filter=startswith(displayName,'O')&$top=1");
  for (const [summary, button, text] of [
    ["curl", "Copy as curl", '--header "Authorization: Bearer $TOKEN"'],
    ["Rust", "Copy as Rust", 'std::env::var("TOKEN")'],
    ["As text", "Copy the answer", '"value": ['],
  ] as const) {
    await page.locator("summary", { hasText: summary }).click();
    await page.getByRole("button", { name: button }).click();
    await expect(page.getByRole("button", { name: "Copied" })).toBeVisible();
    await expect(page.locator("#said")).toHaveText("Copied");
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    expect(copied).toContain(text);
    await expect(page.getByRole("button", { name: button })).toBeVisible();
  }
});

test("a tab remembers its calls and no answers, and forgets them at sign-out (R68)", async ({ page }) => {
  await signIn(page);
  await page.goto("/console");
  await expect(history(page)).toBeHidden();
  await ask(page, "/me?$select=displayName");
  await ask(page, "/me/photo");
  await page.reload();
  await expect(history(page).getByRole("link")).toHaveText(["GET /me/photo", "GET /me?$select=displayName"]);
  const { console: calls, ...rest } = await kept(page);
  expect(rest).toEqual({});
  expect(Object.keys(JSON.parse(calls!).calls[0])).toEqual(["method", "path"]);
  expect(calls).not.toContain("Maya");

  // A link fills the form and asks nothing; what Graph was not asked is not remembered.
  await history(page).getByRole("link").last().click();
  await expect(path(page)).toHaveValue("/me?$select=displayName");
  await expect(page.getByRole("heading", { name: "Answer" })).toHaveCount(0);
  await page.goto("/account");
  await page.getByRole("banner").getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByRole("link", { name: "Sign in with Microsoft" })).toBeVisible();
  expect(await kept(page)).toEqual({});
});

test("what another person has asked is gone, and one's own when one says so (R68)", async ({ page }) => {
  await signIn(page);
  await page.goto("/console");
  await page.evaluate(() => {
    const calls = [{ method: "GET", path: "/users/somebody@else.example" }];
    sessionStorage.setItem("console", JSON.stringify({ user: "another.person", calls }));
  });
  await page.goto("/console");
  await expect(history(page)).toBeHidden();
  expect(await kept(page)).toEqual({});
  await ask(page, "/me");
  await history(page).getByRole("button", { name: "Forget them" }).click();
  await expect(history(page)).toBeHidden();
  expect(await kept(page)).toEqual({});
});

test.describe("without scripts", () => {
  test.use({ javaScriptEnabled: false });

  test("a call is asked and answered, and nothing dead is shown", async ({ page }) => {
    await signIn(page);
    await page.goto("/console");
    await path(page).fill("/me");
    await path(page).press("Enter");
    await expect(page.getByText('"Maya Lindqvist"', { exact: true })).toBeVisible();
    await page.locator("summary", { hasText: "curl" }).click();
    await expect(page.locator("#curl")).toBeVisible();
    await expect(page.getByRole("button", { name: /Copy/ })).toHaveCount(0);
    await expect(history(page)).toBeHidden();
    await expect(page.getByText("Ctrl")).toBeHidden();
  });
});
