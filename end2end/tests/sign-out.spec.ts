// The way out, in a browser that keeps whole pages for its Back button, as people's browsers do and Playwright's does not.
import { EMPLOYEE, expect, names, people, signIn, signInLink, test } from "./cloakroom.ts";

test.use({
  launchOptions: async ({ launchOptions }, use) => {
    await use({ ...launchOptions, ignoreDefaultArgs: ["--disable-back-forward-cache"] });
  },
});

test("sign-out ends here and at Microsoft, and Back shows nothing personal (R68, R71, R72)", async ({ page, baseURL }) => {
  await signIn(page);
  await page.getByRole("link", { name: "People", exact: true }).click();
  await expect(people(page)).toHaveCount(25);
  const colleague = (await names(page))[0]!;
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(`${baseURL}/`);
  await expect(signInLink(page)).toBeVisible();

  for (let step = 0; step < 2; step++) {
    await page.goBack();
    await expect(signInLink(page)).toBeVisible();
    await expect(page.locator("body")).not.toContainText(EMPLOYEE);
    await expect(page.locator("body")).not.toContainText(colleague);
  }

  // Microsoft forgot the session too: it asks who is there.
  await page.goto("/");
  await signInLink(page).click();
  await expect(page.getByRole("button", { name: EMPLOYEE })).toContainText("Employee");
  await expect(page.getByRole("button", { name: EMPLOYEE })).not.toContainText("Signed in");
});
