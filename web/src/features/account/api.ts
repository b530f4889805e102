import { queryOptions } from "@tanstack/react-query";
import { api, data } from "@/api/client";
import { allPages } from "@/api/pages";
import type { components } from "@/api/schema";

export type Account = components["schemas"]["Account"];
export type AccountSession = components["schemas"]["AccountSession"];
export type Enrolment = components["schemas"]["SecondFactorEnrolment"];

export const accountKey = ["account"] as const;

export const accountQuery = queryOptions({
  queryKey: accountKey,
  queryFn: () => data<Account>(api.GET("/api/account")),
});

export const sessionsQuery = queryOptions({
  queryKey: ["account", "sessions"],
  queryFn: () =>
    allPages<AccountSession>((query) => data(api.GET("/api/account/sessions", { params: { query } }))),
});

export const policyKey = ["organization", "signin"] as const;

export const policyQuery = queryOptions({
  queryKey: policyKey,
  queryFn: () => data(api.GET("/api/organization/signin")),
});

export function requireFactor(on: boolean) {
  return data(api.POST("/api/organization/signin", { body: { require_second_factor: on } }));
}

/** What one proves oneself with again: see ProofFields. */
export type Proof = { current_password: string; code: string };

export const noProof: Proof = { current_password: "", code: "" };

export function updateAccount(body: { name: string; email?: string; current_password: string }) {
  return data<Account>(api.POST("/api/account", { body }));
}

export function confirmEmail(token: string) {
  return data<Account>(api.POST("/api/account/email", { body: { token } }));
}

export function setPassword(password: string, current_password: string) {
  return data<Account>(api.PUT("/api/account/password", { body: { password, current_password } }));
}

export function enrol(body: Proof) {
  return data<Enrolment>(api.POST("/api/account/second-factor", { body }));
}

export async function confirmFactor(code: string): Promise<string[]> {
  const { codes } = await data(api.POST("/api/account/second-factor/confirm", { body: { code } }));
  return codes;
}

export function removeFactor(body: Proof) {
  return data<Account>(api.POST("/api/account/second-factor/remove", { body }));
}

export async function newRecoveryCodes(body: Proof): Promise<string[]> {
  const { codes } = await data(api.POST("/api/account/recovery-codes", { body }));
  return codes;
}

export async function endSession(session_id: string): Promise<void> {
  await api.DELETE("/api/account/sessions/{session_id}", { params: { path: { session_id } } });
}

export async function endOthers(): Promise<void> {
  await api.DELETE("/api/account/sessions");
}
