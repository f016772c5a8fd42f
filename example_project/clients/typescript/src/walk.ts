/** Signs in to the demo, browses, creates a product, changes it, gets new tokens and signs out. */

import { MemoryStore, createShop, login, logout, unwrap } from "./client.js";

const { SHOP_URL, SHOP_EMAIL, SHOP_PASSWORD } = process.env;
const store = new MemoryStore();
const shop = createShop(SHOP_URL ?? "http://127.0.0.1:8000", store);

await login(shop, store, SHOP_EMAIL ?? "admin@example.com", SHOP_PASSWORD ?? "shopcore-demo-2026");
console.log("signed in as", unwrap(await shop.GET("/api/v1/auth/me/")).email);

const query = { search: "headphones", max_price: "200", ordering: "price" };
const found = unwrap(await shop.GET("/api/v1/products/", { params: { query } }));
const cheapest = found.results[0];
if (cheapest === undefined) {
  throw new Error("the sample data is missing");
}
console.log(`found ${found.count}, the cheapest at ${cheapest.price} ${cheapest.currency}`);

const body = { name: "TypeScript's own", price: "19.90", category: cheapest.category };
const created = await shop.POST("/api/v1/products/", { body });
const product = unwrap(created);
console.log("created", product.name);

const params = { path: { id: product.id }, header: { "If-Match": created.response.headers.get("ETag") ?? "" } };
const changed = unwrap(await shop.PATCH("/api/v1/products/{id}/", { params, body: { price: "17.90" } }));
console.log("changed its price to", changed.price);

const late = await shop.PATCH("/api/v1/products/{id}/", { params, body: { price: "15.90" } });
console.log("too late with the old tag:", late.error?.status, late.error?.code);
unwrap(await shop.DELETE("/api/v1/products/{id}/", { params: { path: params.path } }));

// What happens when the access token expires, without the wait.
const tokens = await store.read();
await store.write(tokens && { ...tokens, access: "expired" });
console.log("still signed in as", unwrap(await shop.GET("/api/v1/auth/me/")).email);

await logout(shop, store);
console.log("signed out");
