// axe over every page in every state, in both languages, light and dark, narrow and wide; no rule is turned off, and those of
// WCAG 2.2 AA that axe leaves off by default are on.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type axe from "axe-core";
import type { Page } from "@playwright/test";
import { expect } from "./cloakroom.ts";
import { routes } from "./routes.ts";
import { LANGUAGES, THEMES, WIDTHS, test } from "./visit.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

declare global {
  interface Window {
    axe: typeof axe;
  }
}

/** What axe finds, a line for each element. */
async function violations(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const wanted = window.axe.getRules().filter(({ tags }) => !tags.includes("wcag2aaa") && !tags.includes("deprecated"));
    const rules = Object.fromEntries(wanted.map(({ ruleId }) => [ruleId, { enabled: true }]));
    const { violations } = await window.axe.run({ rules, resultTypes: ["violations"] });
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${target}: ${failureSummary?.replace(/\s+/g, " ")}`),
    );
  });
}

for (const route of routes) {
  for (const language of LANGUAGES) {
    test(`${route.name}, ${language} (R64, WCAG 2.2)`, async ({ page, visit }) => {
      await visit(route, language);
      await expect(page.locator("html")).toHaveAttribute("lang", language);
      await expect(page.locator("h1:visible")).toHaveCount(1);
      await page.evaluate(AXE);
      for (const colorScheme of THEMES) {
        for (const width of WIDTHS) {
          await page.emulateMedia({ colorScheme });
          await page.setViewportSize({ width, height: 800 });
          expect.soft(await violations(page), `${colorScheme}, ${width} px`).toEqual([]);
          const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
          expect.soft(wider, `pixels to scroll sideways at ${width} px`).toBe(0);
        }
      }
    });
  }
}
