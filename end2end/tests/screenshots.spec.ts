// `make screenshots`: every page, light and dark, on a telephone and on a wide screen, in target/screenshots.
import { PERSONAL, signIn, signInLink, test } from "./cloakroom.ts";

for (const colorScheme of ["light", "dark"] as const) {
  for (const width of [320, 1440]) {
    test.describe(`${colorScheme}, ${width} pixels`, () => {
      test.use({ colorScheme, viewport: { width, height: 900 } });

      test("signed out and in", async ({ page }) => {
        const shoot = async (name: string, path?: string) => {
          if (path) await page.goto(path, { waitUntil: "networkidle" });
          await page.screenshot({ path: `../target/screenshots/${name}-${width}-${colorScheme}.png`, fullPage: true });
        };
        await shoot("signed-out", "/");
        await shoot("sign-in-first", "/people");
        await shoot("callback-failed", "/auth/callback?error=access_denied&state=x");
        await shoot("not-found", "/no/such/page");
        await page.goto("/");
        await signInLink(page).click();
        await shoot("at-microsoft");
        await signIn(page);
        await shoot("home", "/");
        await shoot("people", "/people");
        await shoot("people-search", "/people?search=Lindqvist");
        await shoot("people-nobody", "/people?search=qqqqzzzz");
      });

      test("a personal account", async ({ page }) => {
        await signIn(page, PERSONAL);
        await page.goto("/people", { waitUntil: "networkidle" });
        await page.screenshot({ path: `../target/screenshots/people-personal-${width}-${colorScheme}.png`, fullPage: true });
      });
    });
  }
}
