import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Building2, Check, ChevronDown, Ellipsis, Link2, Save, Trash2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Confirm } from "@/components/console/Confirm";
import { CheckField, Form, TextField } from "@/components/console/fields";
import { useDialogParam, useParamsState } from "@/components/console/search";
import { ErrorBox } from "@/components/console/states";
import { Button } from "@/components/ui/button";
import { Command, CommandEmpty, CommandInput, CommandItem, CommandList } from "@/components/ui/command";
import { Dialog, DialogContent, DialogTitle } from "@/components/ui/dialog";
import { Input } from "@/components/ui/input";
import { Menu, MenuContent, MenuItem, MenuTrigger } from "@/components/ui/menu";
import { Popover, PopoverContent, PopoverTrigger } from "@/components/ui/popover";
import { copyAndTell } from "@/features/chats/commands";
import { cn } from "@/lib/cn";
import { useStore } from "@/lib/store";
import {
  createPreset,
  deletePreset,
  type Preset,
  type PresetDetail,
  presetsKey,
  presetsQuery,
  updatePreset,
} from "./api";
import { forget, playground, saved, settingsOf } from "./playground";

/** Presets: which one is open, and what can be done with it. */
export function PresetBar() {
  const { t } = useTranslation();
  const preset = useStore(playground, (state) => state.preset);
  const changed = useStore(
    playground,
    ({ preset: p, setup }) => p !== null && p.settings !== settingsOf(setup),
  );
  const save = useDialogParam("save");
  const share = useDialogParam("share");
  const remove = useDialogParam("delete");
  const [, setParams] = useParamsState();
  const client = useQueryClient();

  function done({ id, name, own, shared }: PresetDetail) {
    saved({ id, name, own, shared });
    void client.invalidateQueries({ queryKey: presetsKey });
    setParams({ preset: id, dialog: undefined });
  }

  return (
    <div className="flex min-w-0 items-center gap-1.5">
      <PresetPicker changed={changed} />
      <Button variant="outline" onClick={() => save.show()}>
        <Save aria-hidden />
        {t("playground.presets.save")}
      </Button>
      <Menu>
        <MenuTrigger asChild>
          <Button variant="ghost" size="icon" disabled={!preset} aria-label={t("playground.presets.more")}>
            <Ellipsis />
          </Button>
        </MenuTrigger>
        <MenuContent align="end">
          <MenuItem onSelect={() => share.show()}>
            <Link2 aria-hidden />
            {t("playground.presets.share")}
          </MenuItem>
          <MenuItem danger onSelect={() => remove.show()}>
            <Trash2 aria-hidden />
            {t("playground.presets.delete")}
          </MenuItem>
        </MenuContent>
      </Menu>
      <Dialog open={save.open} onOpenChange={(shown) => !shown && save.close()}>
        <DialogContent>
          <DialogTitle>{t("playground.presets.saveTitle")}</DialogTitle>
          <SaveForm onDone={done} />
        </DialogContent>
      </Dialog>
      <Dialog open={share.open && preset !== null} onOpenChange={(shown) => !shown && share.close()}>
        <DialogContent>
          <DialogTitle>{t("playground.presets.shareTitle")}</DialogTitle>
          <SharePreset />
        </DialogContent>
      </Dialog>
      <Confirm
        open={remove.open && preset !== null}
        onOpenChange={(shown) => !shown && remove.close()}
        title={t("playground.presets.deleteTitle", { name: preset?.name ?? "" })}
        text={t("playground.presets.deleteText")}
        confirm={t("playground.presets.delete")}
        onConfirm={async () => {
          if (!preset) return;
          await deletePreset(preset.id);
          forget();
          void client.invalidateQueries({ queryKey: presetsKey });
          setParams({ preset: undefined });
        }}
      />
    </div>
  );
}

function PresetPicker({ changed }: { changed: boolean }) {
  const { t } = useTranslation();
  const preset = useStore(playground, (state) => state.preset);
  const [shown, setShown] = useState(false);
  const { data, error, refetch } = useQuery({ ...presetsQuery, enabled: shown });
  const [, setParams] = useParamsState();

  function choose({ id }: Preset) {
    setShown(false);
    // Chosen again it is as it was saved.
    forget();
    setParams({ preset: id }, { push: true });
  }

  return (
    <Popover open={shown} onOpenChange={setShown}>
      <PopoverTrigger asChild>
        <Button variant="outline" className="min-w-0 shrink" data-slot="preset-picker">
          <span className="max-w-40 truncate">
            {preset?.name ?? t("playground.presets.title")}
            {changed && <span aria-label={t("playground.presets.changed")}> *</span>}
          </span>
          <ChevronDown className="text-muted-foreground" aria-hidden />
        </Button>
      </PopoverTrigger>
      <PopoverContent className="w-[min(22rem,calc(100vw-1rem))]" aria-label={t("playground.presets.title")}>
        {error ? (
          <div className="p-3">
            <ErrorBox error={error} onRetry={() => void refetch()} />
          </div>
        ) : (
          <Command label={t("playground.presets.title")} loop>
            <CommandInput placeholder={t("playground.presets.search")} className="h-11 text-sm" />
            <CommandList>
              <CommandEmpty>
                {data === undefined
                  ? t("app.loading")
                  : data.length === 0
                    ? t("playground.presets.none")
                    : t("playground.presets.noMatch")}
              </CommandEmpty>
              {data?.map((one) => (
                <CommandItem key={one.id} value={`${one.name} ${one.id}`} onSelect={() => choose(one)}>
                  <Check className={cn("text-primary!", one.id !== preset?.id && "invisible")} aria-hidden />
                  <span className="min-w-0 grow truncate">{one.name}</span>
                  {one.shared && <Building2 aria-label={t("playground.presets.shared")} />}
                  <span className="text-xs text-muted-foreground">{t(`playground.modes.${one.mode}`)}</span>
                </CommandItem>
              ))}
            </CommandList>
          </Command>
        )}
      </PopoverContent>
    </Popover>
  );
}

/** Saves what stands there under a name: over the preset that is open when the name is the same, else as a new one. */
function SaveForm({ onDone }: { onDone: (preset: PresetDetail) => void }) {
  const { t } = useTranslation();
  const preset = useStore(playground, (state) => state.preset);
  const [name, setName] = useState(preset?.own ? preset.name : "");
  const [shared, setShared] = useState(preset?.own === true && preset.shared);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const over = preset?.own === true && name.trim() === preset.name ? preset : null;

  async function save() {
    setBusy(true);
    setError(null);
    const { setup } = playground.get();
    const settings = settingsOf(setup);
    try {
      const change = {
        name,
        mode: setup.mode,
        settings: JSON.parse(settings) as Record<string, unknown>,
        shared,
      };
      onDone(
        over ? await updatePreset(over.id, change) : await createPreset(name, setup.mode, settings, shared),
      );
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  }

  return (
    <Form
      onSubmit={() => void save()}
      busy={busy}
      error={error}
      errorTitle={t("playground.presets.notSaved")}
      submit={over ? t("playground.presets.saveOver") : t("playground.presets.saveNew")}
      disabled={name.trim() === ""}
      cancel
    >
      <TextField
        label={t("playground.presets.name")}
        value={name}
        maxLength={100}
        autoComplete="off"
        onChange={setName}
        {...(over && { hint: t("playground.presets.overHint") })}
      />
      <CheckField
        label={t("playground.presets.sharedLabel")}
        hint={t("playground.presets.sharedHint")}
        checked={shared}
        onChange={setShared}
      />
    </Form>
  );
}

/** The link to a preset, and who can open it. */
function SharePreset() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const preset = useStore(playground, (state) => state.preset);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  if (!preset) return null;
  const link = `${window.location.origin}/console/playground?preset=${preset.id}`;

  async function share(shared: boolean) {
    if (!preset) return;
    setBusy(true);
    setError(null);
    try {
      await updatePreset(preset.id, { shared });
      playground.set((state) => ({ ...state, preset: { ...preset, shared } }));
      void client.invalidateQueries({ queryKey: presetsKey });
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  }

  return (
    <div className="grid gap-4">
      <CheckField
        label={t("playground.presets.sharedLabel")}
        hint={preset.own ? t("playground.presets.sharedHint") : t("playground.presets.notOwn")}
        checked={preset.shared}
        disabled={busy || !preset.own}
        onChange={(shared) => void share(shared)}
      />
      <ErrorBox error={error} title={t("playground.presets.notSaved")} />
      <div className="flex gap-2">
        <Input
          readOnly
          value={link}
          aria-label={t("playground.presets.link")}
          className="font-mono text-xs"
        />
        <Button onClick={() => void copyAndTell(link)}>{t("playground.presets.copyLink")}</Button>
      </div>
    </div>
  );
}
