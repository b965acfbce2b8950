// The main job by keyboard alone: Tab and Enter, and what one types. Wherever the focus goes, one sees it.
import type { Locator, Page } from "@playwright/test";
import { EMPLOYEE, expect, people, signIn, signInLink, test } from "./cloakroom.ts";

/** What keeps a person from seeing where the focus is, if anything: WCAG 2.4.7 and 2.4.11. */
const unseen = (page: Page) =>
  page.evaluate(() => {
    const focused = document.activeElement;
    if (!focused || focused === document.body) return null; // between the page's end and its beginning
    const [box] = focused.getClientRects();
    const name = `${focused.tagName} ${focused.getAttribute("aria-label") ?? focused.textContent?.trim()}`;
    if (!box) return `${name} has no box`;
    const { outlineStyle, outlineWidth } = getComputedStyle(focused);
    if (!focused.matches(":focus-visible") || outlineStyle === "none" || parseFloat(outlineWidth) < 2) return `${name} has no outline`;
    if (box.top < 0 || box.left < 0 || box.bottom > innerHeight || box.right > innerWidth) return `${name} is out of sight`;
    for (const [x, y] of [
      [box.left + 2, box.top + box.height / 2],
      [box.left + box.width / 2, box.top + box.height / 2],
      [box.right - 2, box.top + box.height / 2],
    ] as const) {
      const top = document.elementFromPoint(x, y);
      if (!top || !(focused.contains(top) || top.contains(focused))) return `${name} lies under ${top?.outerHTML.slice(0, 80)}`;
    }
    return null;
  });

/** Tabs on until the target has the focus. */
async function tabTo(page: Page, target: Locator) {
  await expect(target).toBeVisible();
  for (let stops = 0; stops < 100; stops++) {
    await page.keyboard.press("Tab");
    expect(await unseen(page)).toBeNull();
    if (await target.evaluate((element) => element === document.activeElement)) return;
  }
  throw new Error(`The Tab key does not lead to ${target}`);
}

async function enter(page: Page, target: Locator) {
  await tabTo(page, target);
  await page.keyboard.press("Enter");
}

for (const [width, height] of [
  [1280, 720],
  [320, 480],
] as const) {
  test.describe(`${width} × ${height}`, () => {
    test.use({ viewport: { width, height } });

    test("the main job is done with Tab and Enter (WCAG 2.1.1, 2.4.7, 2.4.11)", async ({ page, baseURL }) => {
      await page.goto("/");
      // The first stop leads past all that every page has.
      await page.keyboard.press("Tab");
      const skip = page.locator(":focus");
      await expect(skip).toHaveText("Skip to the content");
      expect(await unseen(page)).toBeNull();
      await page.keyboard.press("Enter");
      await expect(page.getByRole("main")).toBeFocused();
      await enter(page, signInLink(page));

      // At Microsoft, whose pages are not ours to judge.
      const account = page.getByRole("button", { name: EMPLOYEE });
      await expect(account).toBeVisible();
      while (!(await account.evaluate((element) => element === document.activeElement))) await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      await expect(page.getByRole("heading", { level: 1, name: EMPLOYEE })).toBeVisible();

      const banner = page.getByRole("banner");
      await enter(page, banner.getByRole("link", { name: "People", exact: true }));
      await expect(page.getByRole("heading", { level: 1, name: "People" })).toBeVisible();
      await expect(people(page)).toHaveCount(25);
      await enter(page, page.getByRole("link", { name: "Next" }));
      await expect(page).toHaveURL(/cursor=/);
      await tabTo(page, page.getByRole("searchbox", { name: "Search people" }));
      await page.keyboard.type("Lindqvist");
      await page.keyboard.press("Enter");
      await expect(page).toHaveURL(/search=Lindqvist/);
      await expect(people(page).filter({ hasText: EMPLOYEE })).toHaveCount(1);

      await enter(page, banner.getByRole("link", { name: "Account", exact: true }));
      await expect(page).toHaveURL(`${baseURL}/account`);
      await expect(page.getByRole("heading", { level: 1 })).toHaveText("Account");
      await enter(page, banner.getByRole("button", { name: "Sign out" }));
      await expect(page).toHaveURL(`${baseURL}/`);
      await expect(signInLink(page)).toBeVisible();
    });

    test("the header is tabbed through in the order that it is seen in (WCAG 2.4.3)", async ({ page }) => {
      await signIn(page);
      const boxes = await page
        .getByRole("banner")
        .locator("a, button")
        .evaluateAll((stops) => stops.filter((stop) => stop.checkVisibility()).map((stop) => stop.getBoundingClientRect().toJSON() as DOMRect));
      expect(boxes.length).toBe(7);
      for (const [n, box] of boxes.slice(1).entries()) {
        const before = boxes[n]!;
        const below = box.top >= before.bottom;
        const beside = box.left >= before.right && box.bottom > before.top;
        expect(below || beside, `stop ${n + 2}`).toBe(true);
      }
    });
  });
}
