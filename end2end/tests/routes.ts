// Every page in every state that it has, as data: what the checks and the screenshots look at. A page more is a line more.

export interface Route {
  /** Also its screenshots' name. */
  name: string;
  path: string;
  /** Who is signed in, by sign-in name; nobody, where it is missing. */
  who?: string;
  /** Who is signed in elsewhere. */
  besides?: string;
  /** At the server that asks for User.Read alone, and has nothing else. */
  little?: true;
  /** What goes wrong at Microsoft, as the emulator takes it. */
  faults?: object[];
  /** The page warns of this end of the session. */
  ends?: "idle_expires_at" | "expires_at";
  /** What is there as soon as the page is. */
  ready: string;
}

const EMPLOYEE = "maya.lindqvist@fabrikam.example";
const ADMIN = "aroha.ngata@fabrikam.example";
const GUEST = "sofia.marchetti@tailspin.example";
const PERSONAL = "sam.whitaker@outlook.example";

/** Whom Microsoft has asked for a pause, the server asks it nothing more for, whatever the page: so they have that state alone. */
const HASTY = "tomas.okafor@fabrikam.example";

/** Graph answers calls whose path contains `path` with this status. */
const graph = (status: number, path: string) => ({
  fault: "answer",
  at: "graph",
  with: { kind: "status", status, retry_after: "90" },
  path,
});
const throttled = (path: string) => [graph(429, path)];
// One that nobody tries again.
const failing = (path: string) => [graph(500, path)];
const challenged = (path: string) => [{ fault: "graph", change: "claims_challenge", path }];

const PROBLEM = "main .problem";
const PEOPLE = "main table.people tbody tr";

export const routes: Route[] = [
  // Signed out.
  { name: "signed-out", path: "/", ready: "main a.microsoft" },
  { name: "sign-in-first", path: "/people", ready: "main a.microsoft" },
  { name: "not-found", path: "/no/such/page", ready: PROBLEM },
  { name: "auth-error", path: "/auth/error", ready: PROBLEM },
  { name: "callback-failed", path: "/auth/callback?error=access_denied&state=x", ready: PROBLEM },
  {
    name: "sign-in-cancelled",
    path: `/auth/login?login_hint=${EMPLOYEE}&return_to=/people`,
    faults: [{ fault: "callback", change: { error: { error: "access_denied", description: "AADSTS65004: User declined to consent." } } }],
    ready: PROBLEM,
  },

  // Home.
  { name: "home", path: "/", who: EMPLOYEE, ready: "main h1" },
  { name: "home-personal", path: "/", who: PERSONAL, ready: "main h1" },
  { name: "home-guest", path: "/", who: GUEST, ready: "main h1" },
  { name: "home-failing", path: "/", who: EMPLOYEE, faults: failing("/me"), ready: PROBLEM },
  { name: "home-throttled", path: "/", who: HASTY, faults: throttled("/me"), ready: PROBLEM },
  { name: "warning", path: "/auth/error", who: EMPLOYEE, ends: "idle_expires_at", ready: "dialog[open]" },
  { name: "warning-last", path: "/auth/error", who: EMPLOYEE, ends: "expires_at", ready: "dialog[open]" },
  { name: "not-found-signed-in", path: "/no/such/page", who: EMPLOYEE, ready: PROBLEM },

  // The directory.
  { name: "people", path: "/people", who: EMPLOYEE, ready: PEOPLE },
  { name: "people-search", path: "/people?search=Lindqvist", who: EMPLOYEE, ready: PEOPLE },
  { name: "people-nobody", path: "/people?search=qqqqzzzz", who: EMPLOYEE, ready: "main form.search" },
  { name: "people-hostile", path: "/people?search=Brien", who: EMPLOYEE, ready: PEOPLE },
  { name: "people-personal", path: "/people", who: PERSONAL, ready: PROBLEM },
  { name: "people-guest", path: "/people", who: GUEST, ready: PROBLEM },
  { name: "people-consent", path: "/people", who: EMPLOYEE, little: true, ready: PROBLEM },
  { name: "people-throttled", path: "/people", who: HASTY, faults: throttled("/users"), ready: PROBLEM },
  { name: "people-failing", path: "/people", who: EMPLOYEE, faults: failing("/users"), ready: PROBLEM },
  { name: "people-challenged", path: "/people", who: EMPLOYEE, faults: challenged("/users"), ready: PROBLEM },

  // People in their organisation.
  { name: "me", path: "/me", who: EMPLOYEE, ready: "main .ties" },
  { name: "me-personal", path: "/me", who: PERSONAL, ready: "main .portrait" },
  { name: "me-guest", path: "/me", who: GUEST, ready: "main .portrait" },
  { name: "me-little", path: "/me", who: EMPLOYEE, little: true, ready: "main .ties" },
  { name: "me-failing", path: "/me", who: EMPLOYEE, faults: failing("/directReports"), ready: "main .ties" },
  { name: "me-nothing", path: "/me", who: EMPLOYEE, faults: failing("/me"), ready: "main h1" },
  { name: "person", path: "/people/tomas.okafor@fabrikam.example", who: EMPLOYEE, ready: "main .ties" },
  { name: "person-nobody", path: "/people/nobody@fabrikam.example", who: EMPLOYEE, ready: PROBLEM },

  // Where you're signed in.
  { name: "account", path: "/account", who: EMPLOYEE, ready: "main .sessions" },
  { name: "account-guest", path: "/account", who: GUEST, ready: "main .sessions" },
  { name: "account-little", path: "/account", who: EMPLOYEE, little: true, ready: "main .sessions" },
  { name: "account-personal", path: "/account", who: PERSONAL, ready: "main .sessions" },
  { name: "account-admin", path: `/account?person=${EMPLOYEE}&done=1`, who: ADMIN, besides: EMPLOYEE, ready: "main .sessions" },
  { name: "account-admin-none", path: "/account?person=noor.dewit@fabrikam.example", who: ADMIN, ready: "main .card" },
  { name: "account-nobody", path: "/account?person=nobody@fabrikam.example", who: ADMIN, ready: PROBLEM },
  { name: "account-refused", path: `/account?person=${ADMIN}`, who: EMPLOYEE, ready: PROBLEM },

  // The console.
  { name: "console", path: "/console", who: EMPLOYEE, ready: "main .ask" },
  { name: "console-answer", path: "/console?method=GET&path=/me&run=1", who: EMPLOYEE, ready: "main .answer" },
  { name: "console-long", path: "/console?method=GET&path=/users?$top=999&run=1", who: EMPLOYEE, ready: "main .answer" },
  { name: "console-consent", path: "/console?method=GET&path=/me/messages&run=1", who: EMPLOYEE, little: true, ready: PROBLEM },
  { name: "console-unlisted", path: "/console?method=GET&path=/no/such&run=1", who: EMPLOYEE, ready: "main h1" },
  { name: "console-failing", path: "/console?method=GET&path=/me&run=1", who: EMPLOYEE, faults: failing("/me"), ready: "main h1" },
  { name: "console-throttled", path: "/console?method=GET&path=/me&run=1", who: HASTY, faults: throttled("/me"), ready: "main h1" },
  { name: "console-personal", path: "/console", who: PERSONAL, ready: "main .ask" },
];
