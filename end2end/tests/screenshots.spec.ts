// `make screenshots`: every page, light and dark, on a telephone and on a wide screen, in target/screenshots.
import { PERSONAL, expect, signIn, signInLink, test } from "./cloakroom.ts";

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
        await shoot("account", "/account");
      });

      test("an administrator, and the warning before the end", async ({ page }) => {
        const shoot = (name: string) => page.screenshot({ path: `../target/screenshots/${name}-${width}-${colorScheme}.png` });
        await signIn(page, "Aroha Ngata");
        await page.goto("/account?person=maya.lindqvist@fabrikam.example&done=1", { waitUntil: "networkidle" });
        await shoot("account-admin");
        for (const end of ["idle_expires_at", "expires_at"]) {
          await page.route("**/auth/session", async (route) => {
            const headers = { ...route.request().headers(), "sec-fetch-site": "same-origin" };
            const response = await route.fetch({ headers });
            const session = await response.json();
            const soon = new Date(Date.parse(session.now) + 107_000).toISOString();
            await route.fulfill({ response, json: { ...session, idle_expires_at: soon, [end]: soon } });
          });
          await page.goto("/account");
          await expect(page.getByRole("alertdialog")).toBeVisible();
          await shoot(`warning-${end}`);
        }
      });

      test("a personal account", async ({ page }) => {
        await signIn(page, PERSONAL);
        await page.goto("/people", { waitUntil: "networkidle" });
        await page.screenshot({ path: `../target/screenshots/people-personal-${width}-${colorScheme}.png`, fullPage: true });
      });
    });
  }
}
