/** Tokens that all tabs of a site share: a store, and a lock by which the tabs take turns at refreshing. */

import type { Lock, TokenStore } from "./client.js";

const NAME = "shop-tokens";

export const sharedStore: TokenStore = {
  async read() {
    return JSON.parse(localStorage.getItem(NAME) ?? "null");
  },

  async write(tokens) {
    if (tokens === null) {
      localStorage.removeItem(NAME);
    } else {
      localStorage.setItem(NAME, JSON.stringify(tokens));
    }
  },
};

export const tabLock: Lock = async (work) => await navigator.locks.request(NAME, work);
