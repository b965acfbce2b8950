// The main job: sign in, see who you are and whom you work with, sign out. With scripts and without.
import { EMPLOYEE, GUEST, HOSTILE_NAME, MANAGER, PERSONAL, expect, names, people, pick, signIn, signInLink, test } from "./cloakroom.ts";

test("a person signs in at Microsoft and sees who they are (R18, R46)", async ({ page, baseURL }) => {
  await page.goto("/");
  await expect(page.getByText(/^Demo/)).toBeVisible();
  await signInLink(page).click();
  expect(new URL(page.url()).hostname).toBe("127.0.0.1");
  await pick(page, EMPLOYEE);
  await expect(page).toHaveURL(`${baseURL}/`);
  await expect(page.getByRole("heading", { level: 1 })).toContainText(EMPLOYEE);
  const card = page.getByRole("main").getByRole("link", { name: /Your profile/ });
  await expect(card).toContainText("Software Engineer");
  await expect(card).toHaveAttribute("href", "/me");
});

test("home shows a manager their team, and each of it has a page", async ({ page }) => {
  await signIn(page, MANAGER);
  const team = page.locator("section", { hasText: "Your team" });
  const member = team.getByRole("link", { name: EMPLOYEE });
  await expect(member).toHaveAttribute("href", /^\/people\/[0-9a-f-]{36}$/);
});

test("the directory comes 25 a page, and Next, Previous and the browser's Back work", async ({ page }) => {
  await signIn(page);
  await page.getByRole("link", { name: "People", exact: true }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("People");
  await expect(people(page)).toHaveCount(25);
  await expect(page.getByRole("link", { name: "Previous" })).toHaveCount(0);
  await expect(page.getByRole("main").getByRole("status").first()).toHaveText(/^2\d\d people · Page 1$/);
  await expect(people(page).first().getByRole("rowheader").getByRole("link")).toHaveAttribute("href", /^\/people\/[0-9a-f-]{36}$/);
  const first = await names(page);

  await page.getByRole("link", { name: "Next" }).click();
  await expect(page).toHaveURL(/cursor=/);
  await expect(people(page).first()).not.toContainText(first[0]!);
  const second = await names(page);
  expect(second).toHaveLength(25);
  expect(second.filter((name) => first.includes(name))).toEqual([]);

  await page.getByRole("link", { name: "Next" }).click();
  await expect(people(page).first()).not.toContainText(second[0]!);
  await page.getByRole("link", { name: "Previous" }).click();
  await expect.poll(() => names(page)).toEqual(second);
  await page.getByRole("link", { name: "Previous" }).click();
  await expect.poll(() => names(page)).toEqual(first);

  await page.goBack();
  await expect.poll(() => names(page)).toEqual(second);
});

test("the last page of the directory is the end of more than 200 people", async ({ page }) => {
  await signIn(page);
  await page.goto("/people");
  const all = new Set(await names(page));
  const next = page.getByRole("link", { name: "Next" });
  while (await next.isVisible()) {
    const before = await names(page);
    await next.click();
    await expect(people(page).first()).not.toContainText(before[0]!);
    for (const name of await names(page)) all.add(name);
  }
  expect(all.size).toBeGreaterThan(200);
  expect(all).toContain(EMPLOYEE);
});

test("a search narrows the directory, and one that finds nobody says so (R104)", async ({ page }) => {
  await signIn(page);
  await page.goto("/people");
  const search = page.getByRole("searchbox", { name: "Search people" });
  await search.fill("Lindqvist");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page).toHaveURL(/search=Lindqvist/);
  await expect(people(page).filter({ hasText: EMPLOYEE })).toHaveCount(1);
  for (const name of await names(page)) expect(name).toContain("Lindqvist");
  await expect(search).toHaveValue("Lindqvist");

  await search.fill("qqqqzzzz");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page).toHaveURL(/search=qqqqzzzz/);
  await expect(people(page)).toHaveCount(0);
  await expect(page.getByRole("main")).toContainText("qqqqzzzz");
});

test("a link on another site into the directory opens it signed in (R46)", async ({ page, baseURL, elsewhere }) => {
  await signIn(page);
  await page.goto(await elsewhere(`<a href="${baseURL}/people?search=Lindqvist">Colleagues</a>`));
  await page.getByRole("link", { name: "Colleagues" }).click();
  await expect(page).toHaveURL(`${baseURL}/people?search=Lindqvist`);
  await expect(people(page).filter({ hasText: EMPLOYEE })).toHaveCount(1);
});

test("a page that needs a sign-in leads through it and back to itself (R12)", async ({ page, baseURL }) => {
  await page.goto("/people?search=Lindqvist");
  await signInLink(page).click();
  await pick(page, EMPLOYEE);
  await expect(page).toHaveURL(`${baseURL}/people?search=Lindqvist`);
  await expect(people(page).filter({ hasText: EMPLOYEE })).toHaveCount(1);
});

test("a cancelled sign-in ends on a page that offers to start again (R9)", async ({ page }) => {
  await page.goto("/");
  await signInLink(page).click();
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("You are not signed in yet");
  await expect(page.getByRole("main")).toContainText("cancelled");
  await page.getByRole("main").getByRole("link", { name: /again/ }).click();
  await pick(page, EMPLOYEE);
  await expect(page.getByRole("heading", { level: 1, name: EMPLOYEE })).toBeVisible();
});

test("a personal account has a home, and a directory page that says what it lacks (R108)", async ({ page }) => {
  await signIn(page, PERSONAL);
  await page.getByRole("link", { name: "People", exact: true }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("People");
  await expect(page.getByRole("main")).toContainText("work or school account");
  await expect(page.getByRole("table")).toHaveCount(0);
});

test("a guest who may not list the organisation is told so (R108)", async ({ page }) => {
  await signIn(page, GUEST);
  await page.getByRole("link", { name: "People", exact: true }).click();
  await expect(page.getByRole("main")).toContainText("guest");
  await expect(page.getByRole("table")).toHaveCount(0);
});

test("a name that looks like markup is text (R69)", async ({ page }) => {
  await signIn(page, HOSTILE_NAME);
  await page.goto("/people?search=Brien");
  await expect(people(page).filter({ hasText: HOSTILE_NAME })).toHaveCount(1);
});

test("an unknown path is a 404 page in the app's own look, signed out and in (R67)", async ({ page }) => {
  const lost = async () => {
    const answer = await page.goto("/no/such/page");
    expect(answer?.status()).toBe(404);
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("Page not found");
    await expect(page.getByRole("banner")).toContainText("Cloakroom");
  };
  await lost();
  await signIn(page);
  await lost();
});
