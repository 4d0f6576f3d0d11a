"""The node under the names that Nav2's semantic_segmentation_layer subscribes to, in its namespace, and started by Nav2's lifecycle manager.

    ros2 launch itnet nav2.launch.py image_topic:=/camera/image_raw

It waits for that manager whatever `autostart` says. The manager has to know the node, and that it has no bond to wait for:

    lifecycle_manager:
      ros__parameters:
        node_names: [itnet]
        bond_timeout: 0.0
"""

import os

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import GroupAction, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch_ros.actions import SetRemap

SHARE = get_package_share_directory('itnet')


def generate_launch_description():
    topics = [SetRemap(f'~/{name}', f'segmentation/{name}') for name in ('mask', 'confidence', 'label_info')]
    return LaunchDescription([
        GroupAction([
            *topics,
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(os.path.join(SHARE, 'launch', 'itnet.launch.py')),
                # Given here, as Nav2's launch files have an argument of this name, and theirs is for the manager.
                launch_arguments={'autostart': 'false'}.items(),
            ),
        ]),
    ])
