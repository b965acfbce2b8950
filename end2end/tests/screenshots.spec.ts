// `make screenshots`: every page in every state, light and dark, on a telephone and on a wide screen, in English and Dutch,
// in target/screenshots; and the README's, in docs/screenshots.
import { writeFile } from "node:fs/promises";
import { signInLink } from "./cloakroom.ts";
import { routes } from "./routes.ts";
import { LANGUAGES, THEMES, WIDTHS, test } from "./visit.ts";

const IN_README = ["signed-out", "people"];

const file = (name: string) => ({ path: `../target/screenshots/${name}.png` });

for (const route of routes) {
  for (const language of LANGUAGES) {
    test(`${route.name}, ${language}`, async ({ page, visit }) => {
      await visit(route, language);
      for (const width of WIDTHS) {
        for (const colorScheme of THEMES) {
          await page.emulateMedia({ colorScheme });
          await page.setViewportSize({ width, height: 900 });
          // A dialog fills the window, not the page.
          await page.screenshot({ ...file(`${route.name}-${width}-${colorScheme}-${language}`), fullPage: !route.ends });
        }
      }
    });
  }

  if (IN_README.includes(route.name)) {
    test(`${route.name}, for the README`, async ({ page, context, visit }) => {
      await visit(route, "en");
      const chromium = await context.newCDPSession(page);
      await page.setViewportSize({ width: 1120, height: 700 });
      for (const colorScheme of THEMES) {
        await page.emulateMedia({ colorScheme });
        const { data } = await chromium.send("Page.captureScreenshot", { format: "webp", quality: 85 });
        await writeFile(`../docs/screenshots/${route.name}-${colorScheme}.webp`, data, "base64");
      }
    });
  }
}

test("at Microsoft", async ({ page }) => {
  await page.goto("/");
  await signInLink(page).click();
  await page.screenshot(file("at-microsoft"));
});
