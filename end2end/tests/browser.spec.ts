// What the browser gets to keep and to run, and what the scripts are for.
import { awake, expect, names, people, signIn, signInLink, test } from "./cloakroom.ts";

test("the signed-out page needs neither script nor WASM", async ({ page }) => {
  const loaded: string[] = [];
  page.on("request", (request) => loaded.push(request.resourceType() + " " + request.url()));
  await page.goto("/", { waitUntil: "networkidle" });
  await expect(signInLink(page)).toBeVisible();
  expect(loaded.filter((what) => /^script|\.js|\.wasm/.test(what))).toEqual([]);
});

test("the browser holds one ticket that no script can read (R45, R52, R68)", async ({ page, context, baseURL }) => {
  await signIn(page);
  await page.goto("/people");
  await awake(page);
  const kept = await page.evaluate(async () => ({
    cookie: document.cookie,
    local: { ...localStorage },
    session: { ...sessionStorage },
    databases: await indexedDB.databases(),
    caches: await caches.keys(),
  }));
  expect(kept).toEqual({ cookie: "", local: {}, session: {}, databases: [], caches: [] });
  // By name: cookies know no ports, so the emulator's host is another one.
  const cookies = await context.cookies(baseURL);
  expect(cookies).toHaveLength(1);
  expect(cookies[0]).toMatchObject({ name: "session", httpOnly: true, sameSite: "Strict", path: "/" });
});

test("once awake, the app turns pages without loading documents, and fetches data with its header (R59)", async ({ page }) => {
  await signIn(page);
  await awake(page);
  await page.evaluate(() => Object.assign(window, { here: true }));
  const documents: string[] = [];
  page.on("request", (request) => {
    if (request.resourceType() === "document") documents.push(request.url());
  });
  const data = page.waitForRequest("**/api/people");
  await page.getByRole("link", { name: "People", exact: true }).click();
  expect(await (await data).headerValue("x-csrf")).toBe("1");
  await expect(people(page)).toHaveCount(25);
  await expect(page).toHaveTitle(/People/);
  const first = await names(page);
  await page.getByRole("link", { name: "Next" }).click();
  await expect(people(page).first()).not.toContainText(first[0]!);
  await page.goBack();
  await expect.poll(() => names(page)).toEqual(first);
  await page.goBack();
  await expect(page.getByRole("heading", { level: 1 })).toContainText("Welcome");
  expect(await page.evaluate(() => "here" in window)).toBe(true);
  expect(documents).toEqual([]);
});

test("everyone has a photo or initials, and no image is broken (R107)", async ({ page }) => {
  await signIn(page);
  await page.goto("/people", { waitUntil: "networkidle" });
  const avatars = people(page).locator(".avatar");
  await expect(avatars).toHaveCount(25);
  let photos = 0;
  for (const avatar of await avatars.all()) {
    await avatar.scrollIntoViewIfNeeded();
    const image = avatar.locator("img");
    await expect.poll(() => image.evaluate((img: HTMLImageElement) => img.complete)).toBe(true);
    // Without a photo the image is empty, its alternative text too: the initials under it show.
    if (await image.evaluate((img: HTMLImageElement) => img.naturalWidth > 0)) photos++;
    else await expect(avatar).toHaveText(/\S/);
    await expect(image).toHaveAttribute("alt", "");
  }
  expect(photos).toBeGreaterThan(0);
});

test("a session that ended elsewhere ends here at the next click, on a page with a way back in (R53)", async ({ page, context, complaints }) => {
  await signIn(page);
  await awake(page);
  await context.clearCookies({ name: "session" });
  await page.getByRole("link", { name: "People", exact: true }).click();
  await expect(page.getByRole("main").getByRole("link", { name: /Sign in/ })).toBeVisible();
  await expect(page.getByRole("table")).toHaveCount(0);
  expect(complaints.splice(0)).toEqual([expect.stringMatching(/status of 401 .*\/api\/people/)]);
});
