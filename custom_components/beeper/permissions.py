"""Permissions of Home Assistant's users.

Home Assistant checks the permission for entities, but not for actions without one.
"""

from collections.abc import Collection

from homeassistant.auth.permissions.const import POLICY_CONTROL, POLICY_READ
from homeassistant.core import Context, HomeAssistant


async def async_may_control(
    hass: HomeAssistant, context: Context, entity_ids: Collection[str] = ()
) -> bool:
    """Return whether the calling user may control all entities, or these.

    A call without a user, such as an automation's, is always allowed.
    """
    if context.user_id is None:
        return True
    user = await hass.auth.async_get_user(context.user_id)
    return user is not None and (
        user.permissions.access_all_entities(POLICY_CONTROL)
        or (
            bool(entity_ids)
            and all(
                user.permissions.check_entity(entity_id, POLICY_CONTROL)
                for entity_id in entity_ids
            )
        )
    )


async def async_may_attach(
    hass: HomeAssistant, context: Context, picture_of: str | None
) -> bool:
    """Return whether the calling user may send the picture of a camera or image entity.

    `picture_of` is None for any other file: files belong to no entity, so they are for
    users who may control all entities.
    """
    if context.user_id is None:
        return True
    if picture_of is None:
        return await async_may_control(hass, context)
    user = await hass.auth.async_get_user(context.user_id)
    return user is not None and user.permissions.check_entity(picture_of, POLICY_READ)
