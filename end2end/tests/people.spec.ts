// The directory as a browser alone shows it: searching while typing, Back, the download, and a wait.
import { awake, expect, names, people, signIn, test } from "./cloakroom.ts";

test("a search follows the typing, in the address too, and Back leaves it", async ({ page, baseURL }) => {
  await signIn(page);
  await awake(page);
  await page.getByRole("link", { name: "People", exact: true }).click();
  await expect(people(page)).toHaveCount(25);
  const first = await names(page);
  await page.evaluate(() => Object.assign(window, { here: true }));

  const search = page.getByRole("searchbox");
  const asked: string[] = [];
  page.on("request", (request) => {
    if (request.url().endsWith("/api/people")) asked.push(request.postData() ?? "");
  });
  await search.pressSequentially("Lindq", { delay: 20 });
  await expect(page).toHaveURL(`${baseURL}/people?search=Lindq`);
  await expect(page.getByRole("main").getByRole("status").first()).toHaveText(/^\d+ (people|person) found for “Lindq”/);
  // Who types goes on, and nothing that was typed is lost.
  await expect(search).toBeFocused();
  await search.pressSequentially("vist", { delay: 20 });
  await expect(page).toHaveURL(`${baseURL}/people?search=Lindqvist`);
  await expect(search).toHaveValue("Lindqvist");
  await expect(search).toBeFocused();
  for (const name of await names(page)) expect(name).toContain("Lindqvist");
  expect(asked.length, "not a call a letter").toBeLessThan(9);

  await search.fill("qqqqzzzz");
  await expect(page.getByRole("main").getByRole("status").first()).toHaveText("Nobody is found for “qqqqzzzz”.");
  await page.getByRole("link", { name: "Clear" }).click();
  await expect(search).toHaveValue("");
  await expect.poll(() => names(page)).toEqual(first);
  await page.goBack();
  await expect(search).toHaveValue("qqqqzzzz");
  await page.goBack();
  await expect(page.getByRole("heading", { level: 1 })).toContainText("Welcome");
  expect(await page.evaluate(() => "here" in window)).toBe(true);
});

test("the rows stay until others have come, and a bar says that they are on their way", async ({ page }) => {
  await signIn(page);
  await page.goto("/people");
  await awake(page);
  let answer = () => {};
  const answered = new Promise<void>((resolve) => (answer = resolve));
  await page.route("**/api/people", (route) => answered.then(() => route.continue()));
  await page.getByRole("searchbox").fill("Lindqvist");
  await expect(page.getByRole("main")).toHaveAttribute("aria-busy", "true");
  await expect(people(page)).toHaveCount(25);
  answer();
  await expect(page.getByRole("main")).toHaveAttribute("aria-busy", "false");
  for (const name of await names(page)) expect(name).toContain("Lindqvist");
});

test("the directory is downloaded in view, with its number of rows", async ({ page }) => {
  await signIn(page);
  await page.goto("/people?search=Lindqvist");
  await awake(page);
  const found = await people(page).count();
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download as CSV" }).click();
  const file = await download;
  expect(file.suggestedFilename()).toMatch(/^people-\d{4}-\d\d-\d\d\.csv$/);
  await expect(page.locator(".export [role=status]")).toHaveText(`${found} people downloaded`);
  await expect(page.locator(".export progress")).toBeHidden();
});

test("a download that breaks off says so", async ({ page, complaints }) => {
  await signIn(page);
  await page.goto("/people");
  await awake(page);
  await page.route("**/people.csv*", (route) => route.abort());
  await page.getByRole("link", { name: "Download as CSV" }).click();
  await expect(page.locator(".export [role=status]")).toContainText("broke off");
  complaints.splice(0);
});

test("where Microsoft asks to wait, the seconds are counted down and nobody but the person tries again", async ({ page, complaints }) => {
  await signIn(page);
  await page.goto("/people");
  await awake(page);
  const refusal = { code: "throttled", message: "Microsoft asks for a short pause.", correlation_id: "7f0d", retry_after: 2 };
  let calls = 0;
  await page.route("**/api/people", (route) => (calls++, route.fulfill({ status: 429, json: { error: refusal } })));
  await page.getByRole("searchbox").fill("Lindqvist");
  const again = page.getByRole("main").getByRole("link", { name: "Try again" });
  await expect(again).toHaveAttribute("aria-disabled", "true");
  await expect(page.getByText(/You can try again in [12] seconds\./)).toBeVisible();
  await expect(page.getByText("You can try again now.")).toBeVisible();
  await expect(again).not.toHaveAttribute("aria-disabled");
  expect(calls).toBe(1);
  await again.click();
  await expect(page.getByRole("heading", { level: 2 })).toHaveCount(0);
  await expect(people(page).first()).toContainText("Lindqvist");
  complaints.splice(0);
});

test("who has no photo has initials: no broken picture, and no word in the console", async ({ page }) => {
  await signIn(page);
  const answers: number[] = [];
  page.on("response", (response) => {
    if (new URL(response.url()).pathname.startsWith("/photo/")) answers.push(response.status());
  });
  await page.goto("/people");
  const pictures = people(page).locator("img");
  for (const picture of await pictures.all()) await picture.scrollIntoViewIfNeeded();
  // Each picture is there or has failed, and `complaints` hears of none.
  const drawn = () => pictures.evaluateAll((all) => (all as HTMLImageElement[]).map(({ complete, naturalWidth }) => complete && naturalWidth));
  await expect.poll(drawn).not.toContain(false);
  expect(new Set(answers)).toEqual(new Set([200, 204]));
  expect(await drawn()).toContain(0);
  // What failed draws nothing over the initials: they look as they do without it.
  const avatar = people(page).locator(".avatar").nth((await drawn()).indexOf(0));
  const before = await avatar.screenshot();
  await avatar.locator("img").evaluate((picture) => picture.remove());
  expect(before.equals(await avatar.screenshot())).toBe(true);
});

test("an address is copied without the places where it may break", async ({ page }) => {
  await signIn(page);
  await page.goto("/people");
  const mail = people(page).locator("[href^='mailto:']").first();
  const copied = await mail.evaluate((link) => {
    getSelection()!.selectAllChildren(link);
    return getSelection()!.toString();
  });
  expect(`mailto:${copied}`).toBe(await mail.getAttribute("href"));
});

test("who leaves before the people have come leaves no trouble behind", async ({ page }) => {
  await signIn(page);
  await awake(page);
  let come = () => {};
  const held = new Promise<void>((release) => (come = release));
  const answered: Promise<void>[] = [];
  await page.route("**/api/people", (route) => {
    answered.push(held.then(() => route.continue()));
  });
  const nav = page.getByRole("banner").getByRole("navigation");
  for (let visit = 0; visit < 3; visit++) {
    await nav.getByRole("link", { name: "People", exact: true }).click();
    await expect.poll(() => answered.length).toBe(visit + 1);
    await nav.getByRole("link", { name: "Home", exact: true }).click();
    await expect(page.getByRole("heading", { level: 1 })).toContainText("Welcome");
  }
  come();
  await Promise.all(answered);
  // `complaints` hears of a panic; after one the app would not go anywhere.
  await nav.getByRole("link", { name: "People", exact: true }).click();
  await expect(people(page)).toHaveCount(25);
});
