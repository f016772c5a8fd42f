/** A client of the shop's API to copy: typed by the schema, and never without a fresh access token. */

import createClient, { type Client, type Middleware } from "openapi-fetch";

import type { components, paths } from "./schema.js";

export type Tokens = components["schemas"]["Tokens"];
export type Problem = components["schemas"]["Problem"];
export type Shop = Client<paths>;

/** Where the tokens live: memory, the tab's session storage, a phone's keychain. */
export interface TokenStore {
  read(): Promise<Tokens | null>;
  write(tokens: Tokens | null): Promise<void>;
}

/** Lets one at a time do `work`, among all that share a store. */
export type Lock = <T>(work: () => Promise<T>) => Promise<T>;

export class MemoryStore implements TokenStore {
  constructor(private tokens: Tokens | null = null) {}

  async read(): Promise<Tokens | null> {
    return this.tokens;
  }

  async write(tokens: Tokens | null): Promise<void> {
    this.tokens = tokens;
  }
}

/** `problem.code` is for programs, `problem.detail` for people. Only the API itself sends a problem, not a proxy. */
export class ShopError extends Error {
  constructor(
    readonly response: Response,
    readonly problem?: Problem,
  ) {
    super(problem ? `${problem.status} ${problem.code}: ${problem.detail}` : `${response.status} from ${response.url}`);
  }
}

/** The data of an answer, or a `ShopError`. */
export function unwrap<T>(answer: { data?: T; error?: Problem; response: Response }): T {
  if (!answer.response.ok) {
    throw new ShopError(answer.response, isProblem(answer.response) ? answer.error : undefined);
  }
  return answer.data as T;
}

/**
 * The client. Requests that meet an expired access token wait for one refresh and are sent again once.
 *
 * Pass a `lock` where several clients share a store, as tabs of a browser do.
 */
export function createShop(site: string, store: TokenStore, lock: Lock = (work) => work()): Shop {
  const shop = createClient<paths>({ baseUrl: site });
  shop.use(bearerTokens(createClient<paths>({ baseUrl: site }), store, lock));
  return shop;
}

/** What is left to do where the account has a second factor: `secondStep` does it. */
export type SecondStep = components["schemas"]["SecondStep"];

/** Nothing when it is done; otherwise what asks for a code. */
export async function login(
  shop: Shop,
  store: TokenStore,
  email: string,
  password: string,
): Promise<SecondStep | undefined> {
  const answer = unwrap(await shop.POST("/api/v1/auth/login/", { body: { email, password } }));
  if ("mfa_required" in answer) {
    return answer;
  }
  await store.write(answer);
  return undefined;
}

export async function secondStep(shop: Shop, store: TokenStore, step: SecondStep, code: string): Promise<void> {
  const body = { challenge: step.challenge, code };
  await store.write(unwrap(await shop.POST("/api/v1/auth/mfa/login/", { body })));
}

/** The tokens are forgotten even where the shop cannot be reached. */
export async function logout(shop: Shop, store: TokenStore): Promise<void> {
  try {
    unwrap(await shop.POST("/api/v1/auth/logout/"));
  } finally {
    await store.write(null);
  }
}

function bearerTokens(plain: Shop, store: TokenStore, lock: Lock): Middleware {
  // A body can be read only once, so what may have to be sent again is copied before.
  const copies = new WeakMap<Request, Request>();
  let refreshing: Promise<Tokens | null> | undefined;

  /** The tokens that replace those with the access token `stale`; null when the session is over. */
  async function renew(stale: string): Promise<Tokens | null> {
    const tokens = await store.read();
    if (tokens === null || bearer(tokens) !== stale) {
      return tokens; // another tab was faster
    }
    const answer = await plain.POST("/api/v1/auth/refresh/", { body: { refresh: tokens.refresh } });
    if (answer.response.status === 401) {
      await store.write(null);
      return null;
    }
    const renewed = unwrap(answer);
    await store.write(renewed);
    return renewed;
  }

  return {
    async onRequest({ request, schemaPath }) {
      const tokens = await store.read();
      if (tokens === null || schemaPath === "/api/v1/auth/login/" || schemaPath === "/api/v1/auth/mfa/login/") {
        return undefined;
      }
      request.headers.set("Authorization", bearer(tokens));
      copies.set(request, request.clone());
      return request;
    },

    async onResponse({ request, response, options }) {
      const copy = copies.get(request);
      if (copy === undefined || response.status !== 401 || !isProblem(response)) {
        return undefined;
      }
      const { code } = (await response.clone().json()) as Problem;
      if (code === "session_ended") {
        await store.write(null);
      }
      if (code !== "token_invalid") {
        return undefined;
      }
      const stale = copy.headers.get("Authorization") ?? "";
      refreshing ??= lock(() => renew(stale)).finally(() => {
        refreshing = undefined;
      });
      const tokens = await refreshing;
      if (tokens === null) {
        return undefined;
      }
      copy.headers.set("Authorization", bearer(tokens));
      const { fetch } = options; // browsers refuse to call it as a method
      return fetch(copy);
    },
  };
}

function bearer(tokens: Tokens): string {
  return `Bearer ${tokens.access}`;
}

function isProblem(response: Response): boolean {
  return response.headers.get("Content-Type")?.startsWith("application/problem+json") ?? false;
}
