import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, data } from "@/api/client";
import type { paths } from "@/api/schema";
import type { TokenMessage } from "@/api/types";
import { messagesOf } from "./request";
import type { Mode, Setup } from "./setup";

type Presets = paths["/api/presets"];
export type Preset = Presets["get"]["responses"][200]["content"]["application/json"]["data"][number];
export type PresetDetail = Presets["post"]["responses"][200]["content"]["application/json"];

export const presetsKey = ["presets"] as const;

/** All presets that the user sees, by name; a user has some hundreds at most. */
export const presetsQuery = queryOptions({
  queryKey: presetsKey,
  queryFn: async () => {
    const all: Preset[] = [];
    for (let after: string | undefined; ;) {
      const query = { limit: 100, ...(after !== undefined && { after }) };
      const page = await data(api.GET("/api/presets", { params: { query } }));
      all.push(...page.data);
      after = page.data.at(-1)?.id;
      if (!page.has_more || after === undefined) break;
    }
    return all.sort((a, b) => a.name.localeCompare(b.name));
  },
});

export const presetQuery = (id: string) =>
  queryOptions({
    queryKey: ["preset", id],
    queryFn: () =>
      data<PresetDetail>(api.GET("/api/presets/{preset_id}", { params: { path: { preset_id: id } } })),
    staleTime: 0,
    gcTime: 0,
    retry: false,
  });

export function createPreset(
  name: string,
  mode: Mode,
  settings: string,
  shared: boolean,
): Promise<PresetDetail> {
  const body = { name, mode, settings: JSON.parse(settings) as Record<string, unknown>, shared };
  return data<PresetDetail>(api.POST("/api/presets", { body }));
}

export type PresetChange = {
  name?: string;
  mode?: Mode;
  settings?: Record<string, unknown>;
  shared?: boolean;
};

export function updatePreset(id: string, body: PresetChange): Promise<PresetDetail> {
  return data<PresetDetail>(
    api.PATCH("/api/presets/{preset_id}", { params: { path: { preset_id: id } }, body }),
  );
}

export async function deletePreset(id: string): Promise<void> {
  await api.DELETE("/api/presets/{preset_id}", { params: { path: { preset_id: id } } });
}

/** What of a setup is counted: the prompt as the mode sends it. */
export type Counted = { model: string; text?: string; messages?: TokenMessage[] };

export function countedOf(setup: Setup): Counted {
  const model = setup.models[setup.mode];
  switch (setup.mode) {
    case "chat":
      return { model, messages: messagesOf(setup) as TokenMessage[] };
    case "complete":
      return { model, text: setup.text };
    case "edit":
      return { model, text: `${setup.input}\n${setup.instruction}` };
  }
}

/** How many tokens the prompt has for the model that answers. */
export const countQuery = ({ model, text, messages }: Counted) =>
  queryOptions({
    queryKey: ["playground", "count", model, text, messages],
    enabled: model !== "" && (messages ? messages.length > 0 : text !== ""),
    staleTime: Infinity,
    gcTime: 0,
    placeholderData: keepPreviousData,
    retry: false,
    queryFn: async ({ signal }) => {
      const what = messages ? { messages } : { text: text ?? "" };
      return (await data(api.POST("/v1/tokenize", { body: { model, ...what, count_only: true }, signal })))
        .count;
    },
  });

/** What names cost, in US dollars for 1,000 tokens, and whose ids they count in. */
export const pricesQuery = queryOptions({
  queryKey: ["playground", "prices"],
  staleTime: 5 * 60 * 1000,
  retry: false,
  queryFn: async () => (await data(api.POST("/api/tokenizer/prices", { body: { text: "" } }))).data,
});

type Encoding = NonNullable<
  paths["/v1/tokenize"]["post"]["requestBody"]["content"]["application/json"]["encoding"]
>;

/** The ids of a text, of the vocabulary that programs use with the name. */
export async function idsOf(text: string, model: string, encoding: string | undefined): Promise<number[]> {
  const vocabulary =
    encoding !== undefined && encoding !== "native"
      ? { encoding: encoding as Encoding, disallowed_special: [] }
      : { model };
  return (await data(api.POST("/v1/tokenize", { body: { ...vocabulary, text } }))).tokens ?? [];
}
