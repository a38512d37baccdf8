/** A check box bound to a signal. */

import type { Signal } from '@preact/signals';
import forms from './forms.module.css';

export function Checkbox({ value, label }: { value: Signal<boolean>; label: string }) {
  return (
    <label class={forms.checkbox}>
      <input
        type="checkbox"
        checked={value.value}
        onChange={(event) => (value.value = event.currentTarget.checked)}
      />
      <span>{label}</span>
    </label>
  );
}
