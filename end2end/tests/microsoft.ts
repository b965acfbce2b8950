// The hand on the emulator of Microsoft's platform behind a server in demo mode: see emulator/README.md.

export interface Microsoft {
  origin: string;
  /** The server's registration there. */
  clientId: string;
}

/** The emulator that the server at `origin` sends people to. */
export async function microsoft(origin: string): Promise<Microsoft> {
  const { headers } = await fetch(`${origin}/auth/login`, { redirect: "manual" });
  const authorize = new URL(headers.get("location")!);
  return { origin: authorize.origin, clientId: authorize.searchParams.get("client_id")! };
}

async function control(origin: string, method: "POST" | "DELETE", what: string, body?: object) {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(`${origin}/_control/${what}`, { method, headers, body: body && JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${method} ${what}: ${answer.status} ${await answer.text()}`);
}

/** Makes something go wrong until the faults are cleared. */
export const fault = ({ origin }: Microsoft, rule: object) => control(origin, "POST", "faults", rule);

export const clearFaults = ({ origin }: Microsoft) => control(origin, "DELETE", "faults");

/** From now on Microsoft knows of no consent but the one to User.Read. */
export const consentToLittle = ({ origin, clientId }: Microsoft) =>
  control(origin, "POST", "clients", {
    client_id: clientId,
    name: "Cloakroom demo",
    secrets: ["demo~only+not&a=real%2Fsecret/8400"],
    any_loopback_redirect: true,
    front_channel_logout: "/auth/frontchannel-logout",
    consented: ["openid", "profile", "offline_access", "User.Read"],
  });
