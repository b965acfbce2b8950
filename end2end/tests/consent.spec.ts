// A permission that is needed in the middle of an action, at the server that asks for User.Read and nothing more at first.
import type { Page } from "@playwright/test";
import { EMPLOYEE, expect, people, pick, signInLink, test } from "./cloakroom.ts";
import { consentToLittle } from "./microsoft.ts";

test.use({ baseURL: process.env.CLOAKROOM_MODEST_ORIGIN });

const SEARCH = "/people?search=Lindqvist";

/** Signs in at a Microsoft that knows of no consent but the one to User.Read. */
async function signInWithLittle(page: Page, name: string) {
  await page.goto("/");
  await signInLink(page).click();
  await page.waitForURL(/\/authorize\?/);
  const { origin, searchParams } = new URL(page.url());
  expect(searchParams.get("scope")).toBe("openid profile offline_access User.Read");
  await consentToLittle({ origin, clientId: searchParams.get("client_id")! });
  await pick(page, name);
  await expect(page.getByRole("heading", { level: 1, name })).toBeVisible();
}

/** Searches the directory and follows what the page offers, to where Microsoft asks. */
async function searchUntilAsked(page: Page) {
  await page.goto(SEARCH);
  const main = page.getByRole("main");
  await expect(main.getByRole("heading", { name: "Cloakroom needs your permission" })).toBeVisible();
  await expect(main).toContainText("User.ReadBasic.All");
  await expect(page.getByRole("table")).toHaveCount(0);
  await main.getByRole("link", { name: "Allow access" }).click();
  await expect(page.getByRole("heading", { name: "Permissions requested" })).toBeVisible();
  await expect(page.getByRole("listitem")).toHaveCount(1);
  await expect(page.getByRole("listitem")).toContainText("User.ReadBasic.All");
}

test("a permission that a search needs is asked for, given, and the search is done (R26)", async ({ page, baseURL }, { project }) => {
  // The emulator remembers who has consented: each run has its own person.
  await signInWithLittle(page, project.name === "scripts off" ? "Aroha Ngata" : "Tomás Okafor");
  await searchUntilAsked(page);
  await page.getByRole("button", { name: "Accept" }).click();

  await expect(page).toHaveURL(`${baseURL}${SEARCH}`);
  await expect(people(page).filter({ hasText: EMPLOYEE })).toHaveCount(1);
  await expect(page.getByRole("searchbox", { name: "Search people" })).toHaveValue("Lindqvist");
  // Once is enough.
  await page.goto("/people");
  await expect(people(page)).toHaveCount(25);
});

test("a permission that is declined leaves the person signed in, and where they were (R26)", async ({ page, baseURL }) => {
  await signInWithLittle(page, EMPLOYEE);
  await searchUntilAsked(page);
  await page.getByRole("button", { name: "Cancel" }).click();

  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Nothing has changed");
  const main = page.getByRole("main");
  await expect(main).toContainText("declined");
  await main.getByRole("link", { name: "Go back" }).click();

  await expect(page).toHaveURL(`${baseURL}${SEARCH}`);
  await expect(main.getByRole("heading", { name: "Cloakroom needs your permission" })).toBeVisible();
  await page.goto("/");
  await expect(page.getByRole("heading", { level: 1, name: EMPLOYEE })).toBeVisible();
});
