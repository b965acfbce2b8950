// `make screenshots`: every page in every state, light and dark, on a telephone and on a wide screen, in English and Dutch,
// in target/screenshots.
import { signInLink } from "./cloakroom.ts";
import { routes } from "./routes.ts";
import { LANGUAGES, THEMES, WIDTHS, test } from "./visit.ts";

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
}

test("at Microsoft", async ({ page }) => {
  await page.goto("/");
  await signInLink(page).click();
  await page.screenshot(file("at-microsoft"));
});
